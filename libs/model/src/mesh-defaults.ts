import { defaultInstallation, type Installation } from './installation.ts';
import type { MeshConfig, MeshProxyConfig } from './schema/mesh-config.ts';

const { systemNamespace: istioNamespace } = defaultInstallation;
const defaults: MeshConfig = {
  enableTracing: true,
  proxyListenPort: 15001,
  proxyInboundListenPort: 15006,
  connectTimeout: 10,
  ingressService: 'istio-ingressgateway',
  ingressControllerMode: 'STRICT',
  ingressClass: 'istio',
  trustDomain: 'cluster.local',
  enableAutoMtls: true,
  outboundTrafficPolicy: { mode: 'ALLOW_ANY' },
  localityLbSetting: { enabled: true },
  enablePrometheusMerge: true,
  defaultServiceExportTo: ['*'],
  defaultVirtualServiceExportTo: ['*'],
  defaultDestinationRuleExportTo: ['*'],
  protocolDetectionTimeout: 0,
  dnsRefreshRate: 60,
  rootNamespace: istioNamespace,
  extensionProviders: [
    { name: 'prometheus', prometheus: {} },
    { name: 'stackdriver', stackdriver: {} },
    { name: 'envoy', envoyFileAccessLog: { path: '/dev/stdout' } },
  ],
  defaultProviders: {},
  defaultConfig: {
    configPath: './etc/istio/proxy',
    binaryPath: '/usr/local/bin/envoy',
    serviceCluster: 'istio-proxy',
    drainDuration: 45,
    terminationDrainDuration: 5,
    proxyAdminPort: 15000,
    statusPort: 15020,
    statNameLength: 189,
    discoveryAddress: `istiod.${istioNamespace}.svc:15012`,
    tracing: { zipkin: { address: `zipkin.${istioNamespace}:9411` } },
    controlPlaneAuthPolicy: 'MUTUAL_TLS',
  },
};

/**
 * What Istio 1.19 takes for a mesh without configuration (pkg/config/mesh, DefaultMeshConfig). A new object each time.
 */
export const defaultMeshConfig = (): MeshConfig => structuredClone(defaults);

/** The fields of the first object, overridden by those of the second: each field is replaced as a whole. */
const override = <T extends object>(base: T | undefined, over: T | undefined): T =>
  ({ ...base, ...Object.fromEntries(Object.entries(over ?? {}).filter(([, value]) => value !== undefined)) }) as T;

/**
 * A proxy configuration over another (mesh.MergeProxyConfig): fields are replaced, proxyMetadata merges. The service
 * cluster and the name that tracing shows are one choice.
 */
export function mergeProxyConfig(base: MeshProxyConfig = {}, over: MeshProxyConfig = {}): MeshProxyConfig {
  const { serviceCluster, tracingServiceName, ...others } = base;
  const isChosen = over.serviceCluster !== undefined || over.tracingServiceName !== undefined;
  const kept = isChosen ? others : { serviceCluster, tracingServiceName, ...others };
  const merged = override<MeshProxyConfig>(kept, over);
  return over.proxyMetadata ? { ...merged, proxyMetadata: { ...base.proxyMetadata, ...over.proxyMetadata } } : merged;
}

/** What Istio's charts write into the configuration of a mesh whose control plane is in this namespace. */
const inNamespace = (systemNamespace: string): MeshConfig => ({
  rootNamespace: systemNamespace,
  defaultConfig: {
    discoveryAddress: `istiod.${systemNamespace}.svc:15012`,
    tracing: { zipkin: { address: `zipkin.${systemNamespace}:9411` } },
  },
});

/**
 * A mesh configuration over the defaults of its installation (mesh.ApplyMeshConfig): each field is replaced as a whole,
 * but those of the proxies' configuration and of the default providers one by one; extension providers add to the
 * built-in ones, of one name the last applies; aliases of the trust domain are a set, sorted.
 */
export function withMeshDefaults(
  given: MeshConfig,
  { systemNamespace }: Pick<Installation, 'systemNamespace'> = defaultInstallation,
): MeshConfig {
  const givenNames = inNamespace(systemNamespace);
  const base = {
    ...override(defaultMeshConfig(), givenNames),
    defaultConfig: mergeProxyConfig(defaults.defaultConfig, givenNames.defaultConfig),
  };
  const merged: MeshConfig = {
    ...override(base, given),
    defaultConfig: mergeProxyConfig(base.defaultConfig, given.defaultConfig),
    ...(base.defaultProviders || given.defaultProviders
      ? { defaultProviders: override(base.defaultProviders, given.defaultProviders) }
      : {}),
  };
  const providers = [...(defaults.extensionProviders ?? []), ...(given.extensionProviders ?? [])];
  const aliases = given.trustDomainAliases && [...new Set(given.trustDomainAliases)].sort();
  return {
    ...merged,
    extensionProviders: [...new Map(providers.map((provider) => [provider.name ?? '', provider])).values()],
    ...(aliases ? { trustDomainAliases: aliases } : {}),
  };
}
