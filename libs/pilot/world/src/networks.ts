import type { k8s, ObjectKey, Resource } from '@flotilla/model';
import { defineKey } from '@flotilla/query';
import { groupBy, parsePort, readJsonObject } from '@flotilla/std';
import { isAddress, labelsMatch, parsePrefix, prefixContains, serviceHostname, type Prefix } from '@flotilla/rules';
import { isDiscovered } from './discovery.ts';
import { defaultNetwork, domainOf, meshNetworks, registryNetwork } from './mesh-settings.ts';
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
 * The gateways of all networks: those that mesh networks give by address, and Services that are recognized by label or
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
  const byNetwork = groupBy(unique(all), ({ network }) => network);
  const byCluster = groupBy(unique(all), ({ network, cluster }) => clusterNetwork({ network, cluster }));
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

const clusterNetwork = defineKey<Pick<NetworkGateway, 'network' | 'cluster'>>()('network', 'cluster');
const gatewayKey = defineKey<NetworkGateway>()('address', 'port', 'network', 'cluster');
const unique = (gateways: readonly NetworkGateway[]): NetworkGateway[] => [
  ...new Map(gateways.map((gateway) => [gatewayKey(gateway), gateway])).values(),
];

function leastCommonMultiple(a: number, b: number): number {
  let [x, y] = [a, b];
  while (y > 0) [x, y] = [y, x % y];
  return (a * b) / x;
}

/** The gateways that a Service leads to: at each of its outside addresses (Istio's extractGatewaysFromService). */
const gatewaysOfService = worldQuery(
  'network-gateways-of-service',
  (view, key: ObjectKey): readonly NetworkGateway[] => {
    const service = isDiscovered(view, key) ? view.get('services', key) : undefined;
    const named = service ? entriesOf(view, service) : [];
    if (!service || named.length === 0) return [];
    const nodePorts = isNodeGateway(service)
      ? new Map((service.spec.ports ?? []).map(({ port, nodePort }) => [port, nodePort ?? 0]))
      : new Map<number, number>();
    return outsideAddresses(view, service).flatMap((address) =>
      named.map(({ network, port }) => ({ network, cluster: key.cluster, address, port: nodePorts.get(port) ?? port })),
    );
  },
);

/**
 * The networks that a Service leads to, each by one of its ports: its own label says, else mesh networks for the
 * registry of its cluster.
 */
function entriesOf(view: View, { meta }: Resource<'services'>): { network: string; port: number }[] {
  const label = meta.labels?.[networkLabel];
  const labelledPort = meta.labels?.['networking.istio.io/gatewayPort'];
  if (label) return [{ network: label, port: parsePort(labelledPort ?? '') ?? defaultPort }];
  const host = serviceHostname(meta.name, meta.namespace, domainOf(view));
  return Object.entries(view.query(meshNetworks, '').networks ?? {})
    .filter(([, { endpoints }]) => endpoints?.some(({ fromRegistry }) => fromRegistry === meta.cluster))
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
      .filter(({ cluster }) => cluster === meta.cluster)
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

interface Range {
  readonly network: string;
  readonly cidr: Prefix;
}
/**
 * The CIDRs of mesh networks, the widest first; none where a network has the whole registry of the cluster. Key: the
 * cluster.
 */
const ranges = worldQuery('network-ranges', (view, cluster): readonly Range[] => {
  if (view.query(registryNetwork, cluster) !== '') return [];
  const all = Object.entries(view.query(meshNetworks, '').networks ?? {}).flatMap(([network, { endpoints }]) =>
    (endpoints ?? []).flatMap(({ fromCidr }) => {
      const cidr = parsePrefix(fromCidr ?? '');
      return cidr.ok ? [{ network, cidr: cidr.value }] : [];
    }),
  );
  return all.sort((a, b) => a.cidr.length - b.cidr.length);
});

/**
 * The network of an address of a cluster: the label of the cluster's system namespace, else what mesh networks say
 * (Istio's controller Network).
 */
export const networkOf = (view: View, { ip, cluster }: { readonly ip: string; readonly cluster: string }): string =>
  view.query(defaultNetwork, cluster) ||
  (view.query(ranges, cluster).find(({ cidr }) => prefixContains(cidr, ip))?.network ?? '');
