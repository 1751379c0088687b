import { galleySettings, wireGalley } from '@flotilla/galley-service';
import { openSources, sourceSettings } from '@flotilla/galley-config-sources';
import { commonSettings, installationIn, installationSettings, runApp } from '@flotilla/runtime';
import { busServerSettings, busSettings, createPublisher } from '@flotilla/runtime/bus';
import { certificateSettings, createServiceCertificate } from '@flotilla/runtime/certificate';

await runApp(
  {
    name: 'galley',
    describe: 'Reads configuration, validates it, and publishes it on the bus.',
    settings: {
      ...commonSettings('127.0.0.3'),
      ...certificateSettings(),
      ...busSettings('galley'),
      ...busServerSettings(),
      ...sourceSettings(),
      ...galleySettings(),
      ...installationSettings(),
    },
  },
  async (options, { observability, watchdog, signal, guard }) => {
    const { log, metrics } = observability;
    const installation = installationIn(options);
    const certificate = createServiceCertificate({ ...options, service: 'galley', log });
    const bus = createPublisher(options, {
      certificate,
      controlPlane: options,
      log,
      metrics,
      signal,
      guard,
    });
    const { galley, runner, pages, details } = await wireGalley(options, {
      sources: (reading) => openSources({ ...options, installation, reading }),
      bus,
      installation,
      watchdog,
      observability,
      signal,
    });
    return {
      runners: [certificate.runner, bus.runner, runner],
      ready: { 'the first state on the bus': galley.ready },
      pages: { ...pages, '/debug/bus': bus.rolePage },
      details,
    };
  },
);
