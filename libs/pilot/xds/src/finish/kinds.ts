import type { envoy, istio } from '@flotilla/proto-gen/envoy';
import { defineKey, type KeyOf } from '@flotilla/query';

const prefix = 'type.googleapis.com/';
/** The types that pilot serves, in the order in which a push sends them. */
export const typeUrls = {
  cds: `${prefix}envoy.config.cluster.v3.Cluster`,
  eds: `${prefix}envoy.config.endpoint.v3.ClusterLoadAssignment`,
  lds: `${prefix}envoy.config.listener.v3.Listener`,
  rds: `${prefix}envoy.config.route.v3.RouteConfiguration`,
  ecds: `${prefix}envoy.config.core.v3.TypedExtensionConfig`,
  sds: `${prefix}envoy.extensions.transport_sockets.tls.v3.Secret`,
  nds: `${prefix}istio.networking.nds.v1.NameTable`,
} as const;
export type XdsKind = keyof typeof typeUrls;

/** The message of each type. */
export interface Messages {
  cds: envoy.config.cluster.v3.ICluster;
  eds: envoy.config.endpoint.v3.IClusterLoadAssignment;
  lds: envoy.config.listener.v3.IListener;
  rds: envoy.config.route.v3.IRouteConfiguration;
  ecds: envoy.config.core.v3.ITypedExtensionConfig;
  sds: envoy.extensions.transport_sockets.tls.v3.ISecret;
  nds: istio.networking.nds.v1.INameTable;
}

export interface ResourceFields {
  readonly name: string;
  readonly kind: XdsKind;
}
/** A resource of Envoy's by its name. */
export const resourceKey = defineKey<ResourceFields>()('name', 'kind');
export type ResourceKey = KeyOf<typeof resourceKey>;
