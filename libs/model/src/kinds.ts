import * as dr from './schema/destination-rule.ts';
import * as k8s from './schema/kubernetes.ts';
import * as mesh from './schema/mesh-config.ts';
import * as net from './schema/networking.ts';
import * as sec from './schema/security.ts';
import * as tel from './schema/telemetry.ts';
import * as vs from './schema/virtual-service.ts';
import type { Schema } from './schema/schema.ts';

/**
 * What is in each collection. `mesh-config` and `mesh-networks` hold one resource each, by the key `meshObjectKey`.
 * Secrets are not a collection.
 */
export interface Kinds {
  'virtual-services': vs.VirtualService;
  'destination-rules': dr.DestinationRule;
  gateways: net.Gateway;
  'service-entries': net.ServiceEntry;
  'workload-entries': net.WorkloadEntry;
  'workload-groups': net.WorkloadGroup;
  sidecars: net.Sidecar;
  'envoy-filters': net.EnvoyFilter;
  'proxy-configs': mesh.ProxyConfigResource;
  'peer-authentications': sec.PeerAuthentication;
  'request-authentications': sec.RequestAuthentication;
  'authorization-policies': sec.AuthorizationPolicy;
  telemetries: tel.Telemetry;
  'wasm-plugins': tel.WasmPlugin;
  'mesh-config': mesh.MeshConfig;
  'mesh-networks': mesh.MeshNetworks;
  services: k8s.Service;
  'endpoint-slices': k8s.EndpointSlice;
  pods: k8s.Pod;
  nodes: k8s.Node;
  namespaces: k8s.Namespace;
}

export interface KindInfo {
  readonly collection: keyof Kinds;
  readonly kind: string;
  readonly group: string;
  /** Served versions, the preferred one first. */
  readonly versions: readonly string[];
  readonly plural: string;
  readonly clusterScoped?: boolean;
  /** Of the spec; of Kubernetes' own kinds also of what the mesh reads beside it. */
  readonly schema: Schema;
  /** Where the schema's fields are: in `spec`; in `spec` and `status`; or in the object itself. */
  readonly layout: 'spec' | 'spec and status' | 'object';
}

const networking = 'networking.istio.io';
const security = 'security.istio.io';
const plural = (kind: string): string => `${kind.toLowerCase()}s`.replace(/(?<![aeiou])ys$/, 'ies');
type Row = readonly [collection: keyof Kinds, kind: string, group: string, versions: readonly string[], schema: Schema];
const istio = (...[collection, kind, group, versions, schema]: Row): KindInfo => ({
  collection,
  kind,
  group,
  versions,
  plural: plural(kind),
  schema,
  layout: 'spec',
});
const core = (collection: keyof Kinds, kind: string, rest: Pick<KindInfo, 'schema'> & Partial<KindInfo>): KindInfo => ({
  collection,
  kind,
  group: '',
  versions: ['v1'],
  plural: plural(kind),
  layout: 'spec and status',
  ...rest,
});

/** Every kind that galley reads and puts on the bus. */
export const kinds: readonly KindInfo[] = [
  istio('virtual-services', 'VirtualService', networking, ['v1beta1', 'v1alpha3'], vs.VirtualService),
  istio('destination-rules', 'DestinationRule', networking, ['v1beta1', 'v1alpha3'], dr.DestinationRule),
  istio('gateways', 'Gateway', networking, ['v1beta1', 'v1alpha3'], net.Gateway),
  istio('service-entries', 'ServiceEntry', networking, ['v1beta1', 'v1alpha3'], net.ServiceEntry),
  istio('workload-entries', 'WorkloadEntry', networking, ['v1beta1', 'v1alpha3'], net.WorkloadEntry),
  istio('workload-groups', 'WorkloadGroup', networking, ['v1beta1', 'v1alpha3'], net.WorkloadGroup),
  istio('sidecars', 'Sidecar', networking, ['v1beta1', 'v1alpha3'], net.Sidecar),
  istio('envoy-filters', 'EnvoyFilter', networking, ['v1alpha3'], net.EnvoyFilter),
  istio('proxy-configs', 'ProxyConfig', networking, ['v1beta1'], mesh.ProxyConfigResource),
  istio('peer-authentications', 'PeerAuthentication', security, ['v1beta1'], sec.PeerAuthentication),
  istio('request-authentications', 'RequestAuthentication', security, ['v1', 'v1beta1'], sec.RequestAuthentication),
  istio('authorization-policies', 'AuthorizationPolicy', security, ['v1', 'v1beta1'], sec.AuthorizationPolicy),
  istio('telemetries', 'Telemetry', 'telemetry.istio.io', ['v1alpha1'], tel.Telemetry),
  istio('wasm-plugins', 'WasmPlugin', 'extensions.istio.io', ['v1alpha1'], tel.WasmPlugin),
  core('services', 'Service', { schema: k8s.Service }),
  core('endpoint-slices', 'EndpointSlice', { group: 'discovery.k8s.io', schema: k8s.EndpointSlice, layout: 'object' }),
  core('pods', 'Pod', { schema: k8s.Pod }),
  core('nodes', 'Node', { schema: k8s.Node, clusterScoped: true }),
  core('namespaces', 'Namespace', { schema: k8s.Namespace, clusterScoped: true }),
];

/** Every collection, in the order in which a whole state is published. */
export const collections: readonly (keyof Kinds)[] = [
  'mesh-config',
  'mesh-networks',
  ...kinds.map(({ collection }) => collection),
];
export const meshSchemas = { 'mesh-config': mesh.MeshConfig, 'mesh-networks': mesh.MeshNetworks } as const;
