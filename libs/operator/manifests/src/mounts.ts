import type { Mount, Probes } from './service-spec.ts';

const monitoringPort = 15_014;
const probe = (path: string): object => ({ httpGet: { path, port: monitoringPort } });

/** Probes on the monitoring port. A service has two minutes to start, and is ended if it hangs. */
export const httpProbes: Probes = {
  startup: { ...probe('/healthz/live'), periodSeconds: 1, failureThreshold: 120 },
  liveness: { ...probe('/healthz/live'), periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 3 },
  readiness: { ...probe('/healthz/ready'), periodSeconds: 2, timeoutSeconds: 2, failureThreshold: 2 },
};

/** The folder for temporary files, because containers have a read-only root file system. */
export const temporaryFiles: Mount = { name: 'tmp', path: '/tmp', source: { emptyDir: {} } };

/** The token that identifies a service to citadel, and the root that citadel's certificate must chain to. */
export const identityMounts: readonly Mount[] = [
  {
    name: 'istio-token',
    path: '/var/run/secrets/tokens',
    source: {
      projected: {
        sources: [{ serviceAccountToken: { path: 'istio-token', audience: 'istio-ca', expirationSeconds: 43_200 } }],
      },
    },
  },
  {
    name: 'istio-ca-root-cert',
    path: '/var/run/secrets/istio',
    source: { configMap: { name: 'istio-ca-root-cert' } },
  },
];

/** The flags of a service that gets its certificate from citadel. */
export const identityFlags = (namespace: string): readonly string[] => [
  `--citadel=citadel.${namespace}.svc:15022`,
  '--bootstrap-token-file=/var/run/secrets/tokens/istio-token',
  '--root-cert-file=/var/run/secrets/istio/root-cert.pem',
];
