import { httpProbes, identityFlags, identityMounts, temporaryFiles } from '../mounts.ts';
import { galleyRights } from '../rights.ts';
import type { ManifestOptions, ServiceSpec } from '../service-spec.ts';
import { busEnvironment, busFlags, commonFlags, monitoring } from './common.ts';

/** The only reader of configuration. One replica writes to the bus, the others could take over at once. */
export const galley = (options: ManifestOptions): ServiceSpec => ({
  name: 'galley',
  args: [
    ...commonFlags(options),
    ...identityFlags(options.namespace),
    ...busFlags,
    '--source=kubernetes',
    '--quarantine-file=/var/lib/galley/quarantine.json',
  ],
  env: busEnvironment('galley'),
  ports: [monitoring],
  rights: galleyRights(),
  replicas: 2,
  requests: { cpu: '50m', memory: '192Mi' },
  // What made the process hang is remembered for its next start in the same pod.
  mounts: [
    temporaryFiles,
    { name: 'quarantine', path: '/var/lib/galley', source: { emptyDir: {} } },
    ...identityMounts,
  ],
  probes: httpProbes,
});
