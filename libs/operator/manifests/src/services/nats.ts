import { httpProbes, identityFlags, identityMounts, temporaryFiles } from '../mounts.ts';
import { noRights } from '../rights.ts';
import type { ManifestOptions, ServiceSpec } from '../service-spec.ts';
import { monitoring } from './common.ts';

/** The bus. Its certificate is from citadel, and so are those that tell it who a user is. */
export const nats = ({ namespace, trustDomain }: ManifestOptions): ServiceSpec => ({
  name: 'nats',
  args: [
    '--bind=0.0.0.0',
    `--trust-domain=${trustDomain}`,
    ...identityFlags(namespace),
    '--store-dir=/data/store',
    '--run-dir=/run/nats',
  ],
  ports: [
    {
      name: 'tls-nats',
      port: 4222,
      from: ['galley', 'pilot', 'sidecar-injector'],
      purpose: 'the bus, over TLS with client certificates',
    },
    monitoring,
  ],
  rights: noRights,
  replicas: 1,
  requests: { cpu: '20m', memory: '128Mi' },
  // Its private key is in memory only.
  mounts: [
    temporaryFiles,
    { name: 'run', path: '/run/nats', source: { emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } } },
    ...identityMounts,
  ],
  storage: { path: '/data', size: '2Gi' },
  probes: httpProbes,
});
