import type { Manifest, ManifestOptions } from './service-spec.ts';

/** Which services a proxy connects to. */
export interface ProxyPeers {
  /** Where proxies get their configuration and their certificates: `name:port` in the control plane's namespace. */
  readonly discovery: string;
  readonly certificates: string;
}

const labels = { 'app.kubernetes.io/part-of': 'istio', 'istio.io/rev': 'default' };

/** The namespace; the API server enforces the security level "restricted" for its pods. */
export const buildNamespace = ({ namespace }: ManifestOptions): Manifest => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: {
    name: namespace,
    labels: {
      'pod-security.kubernetes.io/enforce': 'restricted',
      'pod-security.kubernetes.io/enforce-version': 'v1.34',
      'app.kubernetes.io/part-of': 'istio',
    },
  },
});

/** MeshConfig and MeshNetworks; galley applies changes while it runs. */
export const buildMeshConfigMap = (
  { namespace, trustDomain }: ManifestOptions,
  { discovery }: Pick<ProxyPeers, 'discovery'>,
): Manifest => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'istio', namespace, labels },
  data: {
    mesh: `defaultConfig:
  discoveryAddress: ${discovery}
enablePrometheusMerge: true
rootNamespace: ${namespace}
trustDomain: ${trustDomain}
`,
    meshNetworks: 'networks: {}\n',
  },
});

/** The values of injection that differ from Istio's defaults in this installation. */
export const buildInjectionConfigMap = (
  { hub, tag, namespace, domain, trustDomain }: ManifestOptions,
  { certificates }: Pick<ProxyPeers, 'certificates'>,
): Manifest => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'istio-sidecar-injector', namespace, labels },
  data: {
    values: `global:
  caAddress: ${certificates}
  hub: ${hub}
  tag: ${tag}
  istioNamespace: ${namespace}
  trustDomain: ${trustDomain}
  proxy:
    clusterDomain: ${domain}
`,
  },
});
