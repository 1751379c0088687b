import { encode, envoy, istio } from '@flotilla/proto-gen/envoy';
import { shared } from '@flotilla/std';
import type { Messages, XdsKind } from './kinds.ts';

type ILocalityLbEndpoints = envoy.config.endpoint.v3.ILocalityLbEndpoints;
type IVirtualHost = envoy.config.route.v3.IVirtualHost;
const { RouteConfiguration } = envoy.config.route.v3;

const encoders: { readonly [K in XdsKind]: (message: Messages[K]) => Uint8Array } = {
  cds: (message) => encode(envoy.config.cluster.v3.Cluster, message),
  eds: (message) => encode(envoy.config.endpoint.v3.ClusterLoadAssignment, message),
  lds: (message) => encode(envoy.config.listener.v3.Listener, message),
  rds: ({ virtualHosts, ...rest }) =>
    joinRouteConfiguration(encode(RouteConfiguration, rest), [encodeVirtualHosts(virtualHosts ?? [])]),
  ecds: (message) => encode(envoy.config.core.v3.TypedExtensionConfig, message),
  sds: (message) => encode(envoy.extensions.transport_sockets.tls.v3.Secret, message),
  nds: (message) => encode(istio.networking.nds.v1.NameTable, message),
};

/** A resource's message as bytes; equal messages give equal bytes. */
export function encodeMessage<K extends XdsKind>(kind: K, message: Messages[K]): Uint8Array {
  const encoder: (message: Messages[K]) => Uint8Array = encoders[kind];
  return encoder(shared(message));
}

/** Virtual hosts as the field `virtual_hosts` of a RouteConfiguration, tags and lengths included. */
export const encodeVirtualHosts = (virtualHosts: readonly IVirtualHost[]): Uint8Array =>
  encode(RouteConfiguration, { virtualHosts: [...shared(virtualHosts)] });

/** Endpoints as the field `endpoints` of a ClusterLoadAssignment, tags and lengths included. */
export const encodeEndpoints = (endpoints: readonly ILocalityLbEndpoints[]): Uint8Array =>
  encode(envoy.config.endpoint.v3.ClusterLoadAssignment, { endpoints: [...shared(endpoints)] });

/**
 * A route configuration of its other fields and its virtual hosts. These come last, which any parser of protobuf
 * accepts: so it has the same bytes whether its virtual hosts were encoded one by one or all together.
 */
export const joinRouteConfiguration = (rest: Uint8Array, virtualHosts: readonly Uint8Array[]): Uint8Array =>
  Buffer.concat([rest, ...virtualHosts]);
