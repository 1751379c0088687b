import { bool, encode, envoy, u32 } from '@flotilla/proto-gen/envoy';
import { xdsResource, type XdsResource } from '../resource.ts';

const { RouteConfiguration } = envoy.config.route.v3;

/** A virtual host as the field `virtual_hosts` of a RouteConfiguration, tag and length included. */
export const virtualHostBytes = (host: envoy.config.route.v3.IVirtualHost): Uint8Array =>
  encode(RouteConfiguration, { virtualHosts: [host] });

/** A route configuration from virtual hosts that are encoded already: nothing is decoded, nothing encoded twice. */
export function assembleRouteConfiguration(name: string, hosts: readonly XdsResource[]): XdsResource {
  const rest = encode(RouteConfiguration, {
    name,
    validateClusters: bool(false),
    maxDirectResponseBodySizeBytes: u32(1024 * 1024),
    ignorePortInHostMatching: true,
  });
  return xdsResource(name, Buffer.concat([rest, ...hosts.map(({ bytes }) => bytes)]));
}
