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
    return {
      runners: [certificate.runner, bus.runner, { name: 'galley', run: galley.run }],
      ready: { 'the first state on the bus': galley.ready },
      pages: {
        '/debug/problems': () => problemsPage(galley.problems()),
        '/debug/sources': () => sourcesPage(galley.sources()),
        '/debug/reports': () => reportsPage(galley.reports()),
        '/debug/bus': bus.rolePage,
      },
      details: () => sourceDetails(galley.sources()),
    };
  },
);
