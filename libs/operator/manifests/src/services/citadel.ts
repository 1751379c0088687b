import { httpProbes, temporaryFiles } from '../mounts.ts';
import { citadelRights } from '../rights.ts';
import type { ManifestOptions, ServiceSpec } from '../service-spec.ts';
import { commonFlags, monitoring } from './common.ts';

/** The certificate authority. Every proxy and every other service connects to it. */
export const citadel = (options: ManifestOptions): ServiceSpec => ({
  name: 'citadel',
  args: [...commonFlags(options), '--platform=kubernetes'],
  ports: [{ name: 'grpc-ca', port: 15_022, purpose: 'certificates, over TLS' }, monitoring],
  rights: citadelRights(),
  replicas: 2,
  requests: { cpu: '20m', memory: '128Mi' },
  mounts: [temporaryFiles],
  probes: httpProbes,
});
