import { hostname } from 'node:os';
import { createInProcessBus } from '@flotilla/bus-in-process';
import { createResumableSubscriber } from '@flotilla/bus-port';
import { openPlatform, platformSettings } from '@flotilla/citadel-kubernetes';
import { citadelSettings, createCitadel, createFileRootStore, createSecrets } from '@flotilla/citadel-service';
import { watchFiles } from '@flotilla/files';
import {
  createGalley,
  galleySettings,
  openQuarantine,
  problemsPage,
  reportsPage,
  sourceDetails,
  sourcesPage,
} from '@flotilla/galley-service';
import { openSources, sourceSettings } from '@flotilla/galley-config-sources';
import { createInjector, injectorSettings, readValues } from '@flotilla/injector-service';
import { createKeySetSource, jwksSettings } from '@flotilla/pilot-jwks';
import { createPilot, hardRequestLimit, pilotSettings } from '@flotilla/pilot-service';
import {
  commonSettings,
  grpcLimits,
  grpcRunner,
  grpcSettings,
  installationIn,
  installationSettings,
  runApp,
} from '@flotilla/runtime';

await runApp(
  {
    name: 'istiod',
    describe: 'The services of the fleet in one process, on the in-process bus.',
    settings: {
      ...commonSettings('127.0.0.6'),
      ...citadelSettings('.cache/istiod'),
      ...platformSettings(),
      ...sourceSettings(),
      ...galleySettings('.cache/istiod'),
      ...pilotSettings(),
      ...jwksSettings(),
      ...installationSettings(),
      ...injectorSettings(),
      ...grpcSettings(),
    },
  },
  async (options, { observability, watchdog, signal, guard }) => {
    const { bind, grpcPort, secureGrpcPort, maxXdsConnections } = options;
    const installation = installationIn(options);
    const { log } = observability;
    const bus = createInProcessBus();
    const kubernetes = await openPlatform(options);
    const citadel = await createCitadel({
      ...options,
      service: 'istiod',
      root: kubernetes?.root ?? createFileRootStore(options.rootFile),
      review: kubernetes?.review,
      observability,
    });
    watchdog.quarantineIn(options.quarantineFile);
    const quarantine = openQuarantine({ file: options.quarantineFile, activity: observability.activity, log });
    const galley = createGalley({
      sources: await openSources({ ...options, installation, reading: quarantine.reading }),
      installation,
      sourceWait: options.sourceWait,
      publisher: bus,
      reports: { receiver: bus, limits: options },
      quarantine,
      observability,
      signal,
    });
    const secrets = createSecrets({ ...options, source: watchFiles(options.secretsDir), observability });
    const pilot = createPilot({
      installation,
      jwksFetchMode: options.jwksFetchMode,
      subscriber: createResumableSubscriber(bus),
      reports: { sender: bus, instance: hostname() },
      credentials: secrets,
      credentialReader: options.credentialReader,
      maxCredentials: options.maxCredentials,
      keySets: createKeySetSource({ ...options, observability }),
      limits: options,
      observability,
      signal,
    });
    const injector = createInjector({
      ...options,
      subscriber: createResumableSubscriber(bus),
      observability,
      values: await readValues(options.values, installation),
      signal,
    });
    const webhook = injector.serve({
      ...options,
      certificate: citadel.certificate,
      guard: guard('webhook', options.maxWebhookConnections),
    });
    const plaintext = grpcRunner({
      name: 'xds',
      log,
      after: pilot.ready,
      services: [pilot.discovery('any')],
      at: { host: bind, port: grpcPort },
      ...guard('xds', maxXdsConnections),
      grpc: { ...grpcLimits(options), maxMessageBytes: hardRequestLimit(options) },
    });
    const secure = grpcRunner({
      name: 'secure-xds and ca',
      log,
      after: pilot.ready,
      services: [pilot.discovery('identified'), citadel],
      at: { host: bind, port: secureGrpcPort },
      tls: { source: citadel.certificate, clients: 'optional' },
      ...guard('secure-xds', maxXdsConnections),
      grpc: { ...grpcLimits(options), maxMessageBytes: hardRequestLimit(options) },
    });
    return {
      runners: [
        { name: 'galley', run: galley.run },
        { name: 'pilot', run: pilot.run },
        { name: 'secrets', run: secrets.run },
        ...(kubernetes ? [kubernetes.distribute(citadel.authority.rootPem, log)] : []),
        { name: 'injector', run: injector.run },
        webhook.runner,
        plaintext.runner,
        secure.runner,
      ],
      ready: {
        'the first state on the bus': galley.ready,
        "the mesh's configuration": injector.ready,
        xds: plaintext.listening,
        'secure-xds': secure.listening,
        webhook: webhook.listening,
      },
      pages: {
        '/debug/problems': () => problemsPage([...galley.problems(), ...pilot.problems()]),
        '/debug/reports': () => reportsPage(galley.reports()),
        '/debug/sources': () => sourcesPage(galley.sources()),
      },
      details: () => sourceDetails(galley.sources()),
      close: citadel.close,
    };
  },
);
