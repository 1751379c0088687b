import { hostname } from 'node:os';
import { createInProcessBus } from '@flotilla/bus-in-process';
import { createResumableSubscriber } from '@flotilla/bus-port';
import { openPlatform, platformSettings } from '@flotilla/citadel-kubernetes';
import {
  citadelFiles,
  citadelSettings,
  createCitadel,
  createFileRootStore,
  createSecrets,
} from '@flotilla/citadel-service';
import { watchFiles } from '@flotilla/files';
import { galleySettings, wireGalley } from '@flotilla/galley-service';
import { openCluster, openSources, sourceSettings } from '@flotilla/galley-config-sources';
import { openInjectorPlatform } from '@flotilla/injector-kubernetes';
import { createInjector, injectorSettings, readConfig } from '@flotilla/injector-service';
import { problemsPage } from '@flotilla/observability-port';
import { createKeySetSource, jwksSettings } from '@flotilla/pilot-jwks';
import { createPilot, hardRequestLimit, pilotSettings } from '@flotilla/pilot-service';
import {
  commonSettings,
  grpcSettings,
  installationIn,
  installationSettings,
  runApp,
  xdsPorts,
} from '@flotilla/runtime';

const folder = '.cache/istiod';

await runApp(
  {
    name: 'istiod',
    describe: 'The services of the fleet in one process, on the in-process bus.',
    settings: {
      ...commonSettings('127.0.0.6'),
      ...citadelSettings(folder),
      ...platformSettings(),
      ...sourceSettings(),
      ...galleySettings(folder),
      ...pilotSettings(),
      ...jwksSettings(),
      ...installationSettings(),
      ...injectorSettings(),
      ...grpcSettings(),
    },
  },
  async (options, { observability, watchdog, signal, guard }) => {
    const installation = installationIn(options);
    const bus = createInProcessBus();
    const cluster = await openCluster(options);
    const kubernetes = await openPlatform({ ...options, cluster });
    const citadel = await createCitadel({
      ...options,
      ...citadelFiles(options, folder),
      service: 'istiod',
      root: kubernetes?.root ?? createFileRootStore(options.rootFile),
      pluggedIn: kubernetes?.pluggedIn,
      review: kubernetes?.review,
      observability,
    });
    const { galley, runner, pages, details } = wireGalley(options, {
      sources: (reading) => openSources({ ...options, installation, cluster, reading }),
      bus,
      installation,
      watchdog,
      observability,
      signal,
    });
    const secrets = createSecrets({
      ...options,
      source: watchFiles(options.secretsDir),
      cluster: kubernetes?.credentials(observability),
      observability,
    });
    const pilot = createPilot({
      installation,
      jwksFetchMode: options.jwksFetchMode,
      subscriber: createResumableSubscriber(bus),
      reports: { sender: bus, instance: hostname() },
      credentials: secrets,
      identify: citadel.identify,
      maxCredentials: options.maxCredentials,
      keySets: createKeySetSource({ ...options, observability }),
      limits: options,
      observability,
      signal,
    });
    const { certificate } = citadel;
    const fallback = await readConfig(options.values, installation);
    const injection = await openInjectorPlatform(options, { certificate, fallback, observability });
    const injector = createInjector({
      ...options,
      subscriber: createResumableSubscriber(bus),
      observability,
      config: injection?.config ?? { current: () => fallback },
      signal,
    });
    const webhook = injector.serve({
      ...options,
      certificate,
      guard: guard('webhook', options.maxWebhookConnections),
    });
    const xds = xdsPorts(options, {
      pilot,
      certificate,
      beside: { services: [citadel], name: 'secure-xds and ca' },
      maxMessageBytes: hardRequestLimit(options),
      log: observability.log,
      guard,
    });
    return {
      runners: [
        runner,
        { name: 'pilot', run: pilot.run },
        { name: 'secrets', run: secrets.run },
        ...(kubernetes?.runners(citadel.authority.rootPem, observability.log) ?? []),
        ...(injection?.runners ?? []),
        { name: 'injector', run: injector.run },
        webhook.runner,
        ...xds.runners,
      ],
      ready: {
        'the first state on the bus': galley.ready,
        ...injection?.ready,
        "the mesh's configuration": injector.ready,
        ...xds.ready,
        webhook: webhook.listening,
      },
      pages: {
        ...pages,
        ...pilot.pages,
        '/debug/problems': problemsPage(() => [...galley.problems(), ...pilot.problems()]),
      },
      details,
      close: citadel.close,
    };
  },
);
