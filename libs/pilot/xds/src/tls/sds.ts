import { rootsSuffix } from '@flotilla/model';
import type { OwnCertificate } from '@flotilla/pilot-world';
import { duration, envoy } from '@flotilla/proto-gen/envoy';

type ISdsSecretConfig = envoy.extensions.transport_sockets.tls.v3.ISdsSecretConfig;
const { GRPC } = envoy.config.core.v3.ApiConfigSource.ApiType;
const { V3 } = envoy.config.core.v3.ApiVersion;

/** The cluster through which pilot-agent serves secrets to its Envoy. */
const sdsCluster = 'sds-grpc';

/** The cluster of who else serves secrets, at a socket beside the proxy. */
export const externalSdsCluster = 'sds-external';

const fromCluster = (clusterName: string): envoy.config.core.v3.IConfigSource => ({
  apiConfigSource: {
    apiType: GRPC,
    transportApiVersion: V3,
    grpcServices: [{ envoyGrpc: { clusterName } }],
    setNodeOnFirstMessageOnly: true,
  },
  resourceApiVersion: V3,
});

/**
 * A secret of the workload's own identity: the agent makes it (`default` the certificate, `ROOTCA` the trusted roots),
 * so Envoy waits for it.
 */
export const workloadSecret = (name: 'default' | 'ROOTCA'): ISdsSecretConfig => ({
  name,
  sdsConfig: { ...fromCluster(sdsCluster), initialFetchTimeout: duration(0) },
});

/** A secret in files beside the proxy, read by the agent. */
const fileSecret = (name: string): ISdsSecretConfig => ({ name, sdsConfig: fromCluster(sdsCluster) });
export const fileCertificate = (certificate: string, key: string): ISdsSecretConfig =>
  fileSecret(`file-cert:${certificate}~${key}`);
export const fileRoots = (path: string): ISdsSecretConfig => fileSecret(`file-root:${path}`);

/** What a workload shows of itself, and whom it trusts: files of its own, or what the agent makes. */
export const ownCertificate = ({ certificate, key }: OwnCertificate): ISdsSecretConfig =>
  certificate && key ? fileCertificate(certificate, key) : workloadSecret('default');
export const ownRoots = ({ roots }: OwnCertificate): ISdsSecretConfig =>
  roots ? fileRoots(roots) : workloadSecret('ROOTCA');

const builtin = 'builtin://';

/**
 * What a `credentialName` means: `builtin://` the workload's own, `sds://x` of a proxy that has a socket for it what is
 * served there, all others a Kubernetes secret, served over ADS by the control plane (Istio's
 * ConstructSdsSecretConfigForCredential).
 */
export function credentialSecret(name: string, hasSocket: boolean): ISdsSecretConfig {
  if (name === builtin) return workloadSecret('default');
  if (name === `${builtin}${rootsSuffix}`) return workloadSecret('ROOTCA');
  if (hasSocket && name.startsWith('sds://')) return { name, sdsConfig: fromCluster(externalSdsCluster) };
  return { name: resourceName(name), sdsConfig: { ads: {}, resourceApiVersion: V3 } };
}

/** The resource name of a `credentialName` (Istio's credentials.ToResourceName). */
export function resourceName(name: string): string {
  if (name.startsWith(builtin)) return 'default';
  return /^kubernetes(-gateway)?:\/\//.test(name) ? name : `kubernetes://${name}`;
}
