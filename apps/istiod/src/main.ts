import { createInProcessBus } from '@flotilla/bus-in-process';
import { openPlatform } from '@flotilla/citadel-kubernetes';
import { wireCitadel } from '@flotilla/citadel-service';
import { watchFiles } from '@flotilla/files';
import { wireGalley } from '@flotilla/galley-service';
import { openCluster, openSources } from '@flotilla/galley-config-sources';
import { problemsPage } from '@flotilla/observability-port';
import { hardRequestLimit } from '@flotilla/pilot-service';
import { installationIn, runApp, xdsPorts } from '@flotilla/runtime';
import { folder, settings } from './settings.ts';
import { wireInjector } from './wire-injector.ts';
import { wirePilot } from './wire-pilot.ts';

await runApp(
  { name: 'istiod', describe: 'The services of the fleet in one process, on the in-process bus.', settings },
  async (options, context) => {
    const { observability, guard } = context;
    const installation = installationIn(options);
    const bus = createInProcessBus();
    const cluster = await openCluster(options);
    const wired = await wireCitadel(options, {
      folder,
      service: 'istiod',
      platform: await openPlatform({ ...options, cluster }),
      secretFiles: watchFiles(options.secretsDir),
      observability,
    });
    const { certificate } = wired.citadel;
    const sources: Parameters<typeof wireGalley>[1]['sources'] = (reading) =>
      openSources({ ...options, installation, cluster, reading });
    const { galley, runner, pages, details } = wireGalley(options, { ...context, sources, bus, installation });
    const pilot = wirePilot(options, context, { bus, installation, citadel: wired });
    const injector = await wireInjector(options, context, { bus, installation, certificate });
    const xds = xdsPorts(options, {
      pilot,
      certificate,
      beside: { services: [wired.citadel], name: 'secure-xds and ca' },
      maxMessageBytes: hardRequestLimit(options),
      log: observability.log,
      guard,
    });
    const problems = problemsPage(() => [...galley.problems(), ...pilot.problems()]);
    return {
      runners: [runner, { name: 'pilot', run: pilot.run }, ...wired.runners, ...injector.runners, ...xds.runners],
      ready: { 'the first state on the bus': galley.ready, ...injector.ready, ...xds.ready },
      pages: { ...pages, ...pilot.pages, '/debug/problems': problems },
      details,
      close: wired.citadel.close,
    };
  },
);
