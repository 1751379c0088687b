import { hostname } from 'node:os';
import { createInProcessBus } from '@flotilla/bus-in-process';
import { createResumableSubscriber } from '@flotilla/bus-port';
import { wireGalley } from '@flotilla/galley-service';
import { openCluster, openSources } from '@flotilla/galley-config-sources';
import { problemsPage } from '@flotilla/observability-port';
import { createKeySetSource } from '@flotilla/pilot-jwks';
import { createPilot, hardRequestLimit } from '@flotilla/pilot-service';
import { installationIn, runApp, xdsPorts } from '@flotilla/runtime';
import { settings } from './settings.ts';
import { wireCitadel } from './wire-citadel.ts';
import { wireInjector } from './wire-injector.ts';

await runApp(
  { name: 'istiod', describe: 'The services of the fleet in one process, on the in-process bus.', settings },
  async (options, context) => {
    const { observability, signal, guard } = context;
    const installation = installationIn(options);
    const bus = createInProcessBus();
    const cluster = await openCluster(options);
    const { citadel, secrets, runners: citadelRunners } = await wireCitadel(options, context, cluster);
    const { certificate } = citadel;
    const sources: Parameters<typeof wireGalley>[1]['sources'] = (reading) =>
      openSources({ ...options, installation, cluster, reading });
    const { galley, runner, pages, details } = wireGalley(options, { ...context, sources, bus, installation });
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
    const injector = await wireInjector(options, context, { bus, installation, certificate });
    const xds = xdsPorts(options, {
      pilot,
      certificate,
      beside: { services: [citadel], name: 'secure-xds and ca' },
      maxMessageBytes: hardRequestLimit(options),
      log: observability.log,
      guard,
    });
    const problems = problemsPage(() => [...galley.problems(), ...pilot.problems()]);
    return {
      runners: [runner, { name: 'pilot', run: pilot.run }, ...citadelRunners, ...injector.runners, ...xds.runners],
      ready: { 'the first state on the bus': galley.ready, ...injector.ready, ...xds.ready },
      pages: { ...pages, ...pilot.pages, '/debug/problems': problems },
      details,
      close: citadel.close,
    };
  },
);
