import { httpProbes, identityFlags, identityMounts, temporaryFiles } from '../mounts.ts';
import { noRights } from '../rights.ts';
import type { ManifestOptions, ServiceSpec } from '../service-spec.ts';
import { monitoring } from './common.ts';

/** The bus. Its own certificate is from citadel, and so are its users' certificates. */
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
  // A volume in memory, because it contains the private key.
  mounts: [
    temporaryFiles,
    { name: 'run', path: '/run/nats', source: { emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } } },
    ...identityMounts,
  ],
  storage: { path: '/data', size: '2Gi' },
  probes: httpProbes,
});
