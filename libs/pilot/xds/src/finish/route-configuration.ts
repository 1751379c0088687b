import type { View } from '@flotilla/pilot-world';
import { bool, u32, type envoy } from '@flotilla/proto-gen/envoy';
import { joined } from '@flotilla/std';
import type { XdsResource } from '../resource.ts';
import { encodeMessage, encodeVirtualHosts, joinRouteConfiguration } from './encode-message.ts';
import { finish, finished } from './finish.ts';
import { gatherParts, type PartQuery } from './parts.ts';
import { isPatched } from './patches.ts';

type IVirtualHost = envoy.config.route.v3.IVirtualHost;
type IRouteConfiguration = envoy.config.route.v3.IRouteConfiguration;
/** `virtual_hosts` of a RouteConfiguration. */
const virtualHostsField = 2;

/** One virtual host of a route configuration, in the form that is needed. */
export interface VirtualHostPart {
  /** As encodeVirtualHost has it; undefined when it is gone. */
  readonly encoded: PartQuery<XdsResource | undefined>;
  message(): IVirtualHost;
}
export interface RouteConfigurationParts {
  readonly name: string;
  readonly hosts: readonly VirtualHostPart[];
}

/** A virtual host on its way into route configurations: its bytes are those of the field that it will be there. */
export const encodeVirtualHost = (host: IVirtualHost): XdsResource =>
  finished(host.name ?? '', encodeVirtualHosts([host]));

/** The parts of a route configuration apart from its virtual hosts, the same in all route configurations. */
const common = (name: string): IRouteConfiguration => ({
  name,
  validateClusters: bool(false),
  maxDirectResponseBodySizeBytes: u32(1024 * 1024),
  ignorePortInHostMatching: true,
});

/** The message of a route configuration. */
const routeConfigurationOf = ({ name, hosts }: RouteConfigurationParts): IRouteConfiguration => ({
  ...common(name),
  virtualHosts: hosts.map((host) => host.message()),
});

/**
 * Finishes a route configuration. Where no patch concerns it, it is assembled from virtual hosts that are encoded
 * already: a change of one encodes no other again, and one that fails is missing. Both ways give the same bytes.
 */
export function finishRouteConfiguration(view: View, parts: RouteConfigurationParts): XdsResource {
  const { name, hosts } = parts;
  if (isPatched(view, 'rds', name)) return finish(view, { kind: 'rds', name, message: routeConfigurationOf(parts) });
  const { values, parts: made } = gatherParts(
    view,
    virtualHostsField,
    hosts.map(({ encoded }) => encoded),
  );
  const encoded = values.map(({ bytes }) => joined(bytes));
  return { ...finished(name, joinRouteConfiguration(encodeMessage('rds', common(name)), encoded)), parts: made };
}
