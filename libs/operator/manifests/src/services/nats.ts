import { identityFlags, identityMounts, temporaryFiles } from '../mounts.ts';
import { noRights } from '../rights.ts';
import type { ManifestOptions, ServiceSpec } from '../service-spec.ts';

const probe = { tcpSocket: { port: 4222 } };

/** The bus. Its certificate is from citadel, and so are those that tell it who a user is. */
export const nats = ({ namespace, trustDomain }: ManifestOptions): ServiceSpec => ({
  name: 'nats',
  args: [...identityFlags(namespace), `--trust-domain=${trustDomain}`, '--folder=/data'],
  ports: [
    {
      name: 'tls-nats',
      port: 4222,
      from: ['galley', 'pilot', 'sidecar-injector'],
      purpose: 'the bus, over TLS with client certificates',
    },
  ],
  rights: noRights,
  replicas: 1,
  requests: { cpu: '20m', memory: '128Mi' },
  mounts: [temporaryFiles, ...identityMounts],
  storage: { path: '/data', size: '2Gi' },
  probes: {
    // It starts when citadel has given it a certificate, however long that takes.
    startup: { ...probe, periodSeconds: 1, failureThreshold: 600 },
    liveness: { ...probe, periodSeconds: 10, failureThreshold: 3 },
    readiness: { ...probe, periodSeconds: 2, failureThreshold: 2 },
  },
});
