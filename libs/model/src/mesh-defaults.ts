import { ownMember } from '@flotilla/std';
import { defaultInstallation, type Installation } from './installation.ts';
import type { MeshConfig } from './schema/mesh-config.ts';

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

type Plain = Readonly<Record<string, unknown>>;
const isPlain = (value: unknown): value is Plain =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Members of which only one may be set: a given one takes the default's place. */
const alternatives: Readonly<Record<string, readonly string[]>> = {
  tracing: ['zipkin', 'lightstep', 'datadog', 'stackdriver', 'openCensusAgent'],
  defaultConfig: ['serviceCluster', 'tracingServiceName'],
};

function merge(base: Plain, over: Plain, at = ''): Plain {
  const only = ownMember(alternatives, at);
  const kept = only?.some((key) => Object.hasOwn(over, key))
    ? Object.fromEntries(Object.entries(base).filter(([key]) => !only.includes(key)))
    : base;
  return Object.fromEntries(
    [...new Set([...Object.keys(kept), ...Object.keys(over)])].map((key) => {
      const [old, fresh] = [ownMember(kept, key), ownMember(over, key)];
      return [key, fresh === undefined ? old : isPlain(old) && isPlain(fresh) ? merge(old, fresh, key) : fresh];
    }),
  );
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
 * A mesh configuration over the defaults of its installation: objects merge, lists and plain values replace; extension
 * providers add to the built-in ones; aliases of the trust domain are a set, sorted.
 */
export function withMeshDefaults(
  given: MeshConfig,
  { systemNamespace }: Pick<Installation, 'systemNamespace'> = defaultInstallation,
): MeshConfig {
  const base = merge(defaultMeshConfig() as Plain, inNamespace(systemNamespace) as Plain);
  const merged = merge(base, given as Plain) as MeshConfig;
  const own = new Set(given.extensionProviders?.map(({ name }) => name));
  const providers = [
    ...(defaults.extensionProviders ?? []).filter(({ name }) => !own.has(name)),
    ...(given.extensionProviders ?? []),
  ];
  const aliases = given.trustDomainAliases && [...new Set(given.trustDomainAliases)].sort();
  return { ...merged, extensionProviders: providers, ...(aliases ? { trustDomainAliases: aliases } : {}) };
}
