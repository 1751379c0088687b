import { httpProbes, temporaryFiles } from '../mounts.ts';
import { citadelRights, injectorRights, sourceRights, unionOf } from '../rights.ts';
import type { ManifestOptions, ServiceSpec } from '../service-spec.ts';
import { commonFlags, monitoring } from './common.ts';
import { pilot } from './pilot.ts';
import { webhookPort } from './sidecar-injector.ts';

/** The whole control plane in one process, on Istio's names and ports. */
export const istiod = (options: ManifestOptions): ServiceSpec => ({
  name: 'istiod',
  args: [
    ...commonFlags(options),
    '--platform=kubernetes',
    '--source=kubernetes',
    '--quarantine-file=/var/lib/istiod/quarantine.json',
  ],
  ports: [...pilot(options).ports.filter(({ name }) => name !== monitoring.name), webhookPort, monitoring],
  rights: unionOf([sourceRights(), citadelRights(), injectorRights()]),
  replicas: { least: 2, most: 5 },
  requests: { cpu: '150m', memory: '320Mi' },
  mounts: [temporaryFiles, { name: 'quarantine', path: '/var/lib/istiod', source: { emptyDir: {} } }],
  probes: httpProbes,
  // Istio's own tools find it by this label.
  labels: { istio: 'pilot' },
});
