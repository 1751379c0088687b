import { galleySettings, wireGalley } from '@flotilla/galley-service';
import { openCluster, openSources, openWriterElection, sourceSettings } from '@flotilla/galley-config-sources';
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
    const cluster = await openCluster(options);
    const election = openWriterElection({ ...options, installation }, { cluster, log, metrics });
    const bus = createPublisher(options, {
      election: election?.election,
      certificate,
      controlPlane: options,
      log,
      metrics,
      signal,
      guard,
    });
    const { galley, runner, pages, details } = wireGalley(options, {
      sources: (reading) => openSources({ ...options, installation, cluster, reading }),
      bus,
      installation,
      watchdog,
      observability,
      signal,
    });
    return {
      runners: [certificate.runner, bus.runner, runner, ...(election ? [election.runner(galley.ready)] : [])],
      ready: { 'the first state on the bus': galley.ready },
      pages: { ...pages, '/debug/bus': bus.rolePage, ...(election ? { '/debug/leader': election.page } : {}) },
      details: () => [...details(), ...(election?.details() ?? [])],
    };
  },
);
