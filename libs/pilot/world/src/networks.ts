import type { k8s, Resource } from '@flotilla/model';
import { parsePort, readJsonObject } from '@flotilla/std';
import { isAddress, labelsMatch, parsePrefix, prefixContains, serviceHostname, type Prefix } from '@flotilla/rules';
import { clusterId, defaultNetwork, domain, meshNetworks, registryNetwork } from './mesh-settings.ts';
import { worldQuery, type View } from './view.ts';

/** Where a network is entered from others (Istio's model.NetworkGateway). */
export interface NetworkGateway {
  readonly network: string;
  readonly cluster: string;
  readonly address: string;
  readonly port: number;
}
export interface NetworkGateways {
  readonly byNetwork: ReadonlyMap<string, readonly NetworkGateway[]>;
  /** All weights are multiplied by this, so that each network's share can be split evenly among its gateways. */
  readonly scale: number;
}

const defaultPort = 15443;
const networkLabel = 'topology.istio.io/network';
const nodeSelector = 'traffic.istio.io/nodeSelector';

/**
 * The gateways of all networks: those that mesh networks give by address, and Services that are told apart by label or
 * by mesh networks.
 */
export const networkGateways = worldQuery('network-gateways', (view): NetworkGateways => {
  const byAddress = Object.entries(view.query(meshNetworks, '').networks ?? {}).flatMap(([network, { gateways }]) =>
    (gateways ?? []).flatMap(({ address, port }) =>
      address ? [{ network, cluster: '', address, port: port ?? 0 }] : [],
    ),
  );
  const all = [...byAddress, ...view.list('services').flatMap((key) => view.query(gatewaysOfService, key))]
    // A name would have to be resolved by the control plane: Istio leaves it out.
    .filter(({ address }) => isAddress(address));
  const byNetwork = group(unique(all), ({ network }) => network);
  const byCluster = group(unique(all), ({ network, cluster }) => `${network}|${cluster}`);
  return {
    byNetwork,
    scale: [...byNetwork.values(), ...byCluster.values()].map(({ length }) => length).reduce(leastCommonMultiple, 1),
  };
});

/**
 * The gateways to an endpoint: those of its cluster, else all of its network; none when it can be reached only
 * directly.
 */
export function gatewaysTo(
  { byNetwork }: NetworkGateways,
  { network, clusterId: cluster }: { readonly network: string; readonly clusterId: string },
): readonly NetworkGateway[] {
  const all = byNetwork.get(network) ?? [];
  const near = all.filter((gateway) => gateway.cluster === cluster);
  return near.length > 0 ? near : all;
}

const unique = (gateways: readonly NetworkGateway[]): NetworkGateway[] => [
  ...new Map(gateways.map((gateway) => [JSON.stringify(gateway), gateway])).values(),
];

function group(
  gateways: readonly NetworkGateway[],
  by: (gateway: NetworkGateway) => string,
): Map<string, NetworkGateway[]> {
  const groups = new Map<string, NetworkGateway[]>();
  for (const gateway of gateways) groups.set(by(gateway), [...(groups.get(by(gateway)) ?? []), gateway]);
  return groups;
}

function leastCommonMultiple(a: number, b: number): number {
  let [x, y] = [a, b];
  while (y > 0) [x, y] = [y, x % y];
  return (a * b) / x;
}

/** The gateways that a Service stands for: at each of its outside addresses (Istio's extractGatewaysFromService). */
const gatewaysOfService = worldQuery('network-gateways-of-service', (view, key): readonly NetworkGateway[] => {
  const service = view.get('services', key);
  const named = service ? entriesOf(view, service) : [];
  if (!service || named.length === 0) return [];
  const nodePorts = isNodeGateway(service)
    ? new Map((service.spec.ports ?? []).map(({ port, nodePort }) => [port, nodePort ?? 0]))
    : new Map<number, number>();
  return outsideAddresses(view, service).flatMap((address) =>
    named.map(({ network, port }) => ({ network, cluster: clusterId, address, port: nodePorts.get(port) ?? port })),
  );
});

/**
 * The networks that a Service leads to, each by one of its ports: its own label says, else mesh networks for this
 * registry.
 */
function entriesOf(view: View, { meta }: Resource<'services'>): { network: string; port: number }[] {
  const label = meta.labels?.[networkLabel];
  const own = meta.labels?.['networking.istio.io/gatewayPort'];
  if (label) return [{ network: label, port: parsePort(own ?? '') ?? defaultPort }];
  const host = serviceHostname(meta.name, meta.namespace, domain);
  return Object.entries(view.query(meshNetworks, '').networks ?? {})
    .filter(([, { endpoints }]) => endpoints?.some(({ fromRegistry }) => fromRegistry === clusterId))
    .flatMap(([network, { gateways }]) =>
      (gateways ?? []).flatMap(({ registryServiceName, port }) =>
        registryServiceName === host ? [{ network, port: port ?? 0 }] : [],
      ),
    );
}

const isNodeGateway = ({ meta, spec }: Resource<'services'>): boolean =>
  spec.type === 'NodePort' && meta.annotations?.[nodeSelector] !== undefined;

/** Of a node port's gateway the nodes that it selects; else what a load balancer gave, and external IPs. */
function outsideAddresses(view: View, service: Resource<'services'>): string[] {
  const { meta, spec } = service;
  if (isNodeGateway(service)) {
    const selector = parseSelector(meta.annotations?.[nodeSelector] ?? '');
    return view
      .list('nodes')
      .flatMap((key) => view.get('nodes', key) ?? [])
      .filter((node) => labelsMatch(selector, node.meta.labels ?? {}))
      .flatMap(({ spec: node }) => externalAddress(node));
  }
  const balanced =
    spec.type === 'LoadBalancer'
      ? (spec.status?.loadBalancer?.ingress ?? []).flatMap(({ ip, hostname }) => ip || hostname || [])
      : [];
  return [...balanced, ...(spec.externalIPs ?? [])];
}

const externalAddress = ({ status }: k8s.Node): string[] =>
  (status?.addresses ?? [])
    .filter(({ type, address }) => type === 'ExternalIP' && address !== '')
    .slice(0, 1)
    .map(({ address }) => address);

/** JSON in an annotation; what can't be read selects all, as with Istio. */
function parseSelector(text: string): Record<string, string> {
  const read = readJsonObject(text);
  if (!read.ok) return {};
  return Object.fromEntries(
    Object.entries(read.value).map(([key, value]) => [key, typeof value === 'string' ? value : JSON.stringify(value)]),
  );
}

/** The CIDRs of mesh networks, the widest first; none where a network has the whole registry. */
const ranges = worldQuery('network-ranges', (view): readonly { readonly network: string; readonly cidr: Prefix }[] => {
  if (view.query(registryNetwork, '') !== '') return [];
  const all = Object.entries(view.query(meshNetworks, '').networks ?? {}).flatMap(([network, { endpoints }]) =>
    (endpoints ?? []).flatMap(({ fromCidr }) => {
      const cidr = parsePrefix(fromCidr ?? '');
      return cidr.ok ? [{ network, cidr: cidr.value }] : [];
    }),
  );
  return all.sort((a, b) => a.cidr.length - b.cidr.length);
});

/**
 * The network of an address of this cluster: the system namespace's label, else what mesh networks say (Istio's
 * controller Network).
 */
export const networkOf = (view: View, ip: string): string =>
  view.query(defaultNetwork, '') ||
  (view.query(ranges, '').find(({ cidr }) => prefixContains(cidr, ip))?.network ?? '');
