import { httpProbes, identityFlags, identityMounts, temporaryFiles } from '../mounts.ts';
import { galleyRights } from '../rights.ts';
import type { ManifestOptions, ServiceSpec } from '../service-spec.ts';
import { busEnvironment, busFlags, commonFlags, monitoring } from './common.ts';

/** The only reader of the mesh's configuration. One replica writes to the bus, the others are ready to take over. */
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
  // The quarantine file tells the next start in the same pod which object made the process hang.
  mounts: [
    temporaryFiles,
    { name: 'quarantine', path: '/var/lib/galley', source: { emptyDir: {} } },
    ...identityMounts,
  ],
  probes: httpProbes,
});
