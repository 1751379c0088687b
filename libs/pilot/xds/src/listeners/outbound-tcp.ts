import type {
  DestinationRule,
  L4MatchAttributes,
  ObjectKey,
  RouteDestination,
  TLSMatchAttributes,
} from '@flotilla/model';
import type { Service, ServicePort } from '@flotilla/pilot-registry';
import {
  addressesFor,
  destinationRule,
  isSelected,
  scopeOwner,
  serviceForHost,
  setting,
  virtualServiceOf,
  type ResolvedVirtualService,
  type View,
} from '@flotilla/pilot-world';
import { duration, u32, type envoy } from '@flotilla/proto-gen/envoy';
import { mongoProxy, tcpProxy } from '../filters/network.ts';
import { statName } from '../telemetry/stat-name.ts';
import { statsOf } from '../telemetry/stats.ts';
import { domainName } from '../routes/domains.ts';
import { clusterName } from '../cluster-name.ts';
import { configMetadata } from '../routes/route.ts';
import { isTls } from '@flotilla/rules';

type IFilterChain = envoy.config.listener.v3.IFilterChain;
type IFilter = envoy.config.listener.v3.IFilter;
type ITcpProxy = envoy.extensions.filters.network.tcp_proxy.v3.ITcpProxy;

export interface TcpOf {
  readonly service: Service;
  readonly port: ServicePort;
  readonly listenPort: number;
  /** Keys of those that name its host, in order. */
  readonly virtualServices: readonly ObjectKey[];
  readonly wildcardBind: boolean;
  /**
   * The listener's address is given, not the service's: what the service is reached at doesn't tell its connections
   * from others.
   */
  readonly givenBind: boolean;
}

/** A proxy of bytes, after what counts them and knows their protocol (Istio's buildNetworkFiltersStack). */
export const withProtocolFilter = (
  view: View,
  port: ServicePort,
  { statPrefix, proxy }: { statPrefix: string; proxy: IFilter },
): IFilter[] => [
  ...statsOf(view, 'CLIENT', 'tcp'),
  ...(port.protocol === 'Mongo' ? [mongoProxy(statPrefix)] : []),
  proxy,
];

/**
 * The chains of a service's bytes: its VirtualServices' `tls` or `tcp` routes, else straight to it (Istio's
 * buildSidecarOutboundTCPTLSFilterChainOpts).
 */
export function buildTcpChains(view: View, of: TcpOf): IFilterChain[] {
  const virtualServices = of.virtualServices.flatMap((key) => view.query(virtualServiceOf, key) ?? []);
  const [address] = addressesFor(view, of.service);
  // to a proxy of IPv6 alone, an entry without address is for all of them
  const everything =
    address === undefined && of.service.registry === 'External' && of.wildcardBind && !view.attr('supportsIPv4')
      ? '::/0'
      : undefined;
  const cidr = of.givenBind ? undefined : address?.includes('/') ? address : everything;
  return isTls(of.port.protocol)
    ? tlsChains(view, of, { virtualServices, cidr })
    : rawChains(view, of, { virtualServices, cidr });
}

interface Found {
  readonly virtualServices: readonly ResolvedVirtualService[];
  readonly cidr: string | undefined;
}

function tlsChains(view: View, of: TcpOf, { virtualServices, cidr }: Found): IFilterChain[] {
  const chains: IFilterChain[] = [];
  const seen = new Set<string>();
  for (const virtualService of virtualServices) {
    for (const { match, route } of virtualService.spec.tls ?? []) {
      for (const m of match ?? []) {
        if (!isForProxy(view, m, of.listenPort)) continue;
        const id = JSON.stringify([m.sniHosts ?? [], m.destinationSubnets ?? []]);
        if (seen.has(id)) continue;
        seen.add(id);
        // a socket has no address to match
        const chainMatch = matchOf({
          serverNames: m.sniHosts,
          subnets: m.destinationSubnets?.length && of.listenPort > 0 ? m.destinationSubnets : cidr ? [cidr] : [],
        });
        chains.push({
          ...(chainMatch ? { filterChainMatch: chainMatch } : {}),
          ...toRoutes(view, of, { route: route ?? [], virtualService }),
        });
      }
    }
  }
  if (chains.length > 0) return chains;
  const [address] = addressesFor(view, of.service);
  const bySni = cidr !== undefined || address?.includes('/') || (address === undefined && of.wildcardBind);
  const chainMatch = matchOf({ serverNames: bySni ? [of.service.hostname] : [], subnets: cidr ? [cidr] : [] });
  return [{ ...(chainMatch ? { filterChainMatch: chainMatch } : {}), filters: toService(view, of) }];
}

function rawChains(view: View, of: TcpOf, { virtualServices, cidr }: Found): IFilterChain[] {
  const chains: IFilterChain[] = [];
  const own = cidr ? [cidr] : [];
  let hasOwn = false;
  for (const virtualService of virtualServices) {
    for (const { match, route } of virtualService.spec.tcp ?? []) {
      const routes = toRoutes(view, of, { route: route ?? [], virtualService });
      const matches = (match ?? []).filter((m) => isForProxy(view, m, of.listenPort));
      if (match?.length && matches.length === 0) continue;
      const subnets = matches.flatMap((m) => m.destinationSubnets ?? []);
      const everywhere =
        matches.length === 0 || of.listenPort === 0 || matches.some((m) => !m.destinationSubnets?.length);
      if (everywhere) {
        const chainMatch = matchOf({ subnets: own });
        chains.push({ ...(chainMatch ? { filterChainMatch: chainMatch } : {}), ...routes });
        return chains;
      }
      // A chain of subnets is distinguished from others by them, so it carries no name of its own.
      chains.push({ filterChainMatch: matchOf({ subnets }) ?? {}, filters: routes.filters ?? [] });
      if (own.length > 0 && String([...subnets].sort()) === String(own)) hasOwn = true;
    }
  }
  if (hasOwn) return chains;
  const chainMatch = matchOf({ subnets: own });
  return [...chains, { ...(chainMatch ? { filterChainMatch: chainMatch } : {}), filters: toService(view, of) }];
}

function isForProxy(view: View, match: L4MatchAttributes | TLSMatchAttributes, port: number): boolean {
  if (match.port && match.port !== port) return false;
  if (match.gateways?.length && !match.gateways.includes('mesh')) return false;
  if (!isSelected(view, match.sourceLabels)) return false;
  return !match.sourceNamespace || match.sourceNamespace === view.attr('namespace');
}

/** Undefined for what takes all. A server name `*` requires nothing, nor does a range from 0.0.0.0 on. */
function matchOf({
  serverNames,
  subnets,
}: {
  serverNames?: readonly string[];
  subnets: readonly string[];
}): envoy.config.listener.v3.IFilterChainMatch | undefined {
  const names = serverNames?.includes('*') ? [] : [...(serverNames ?? [])].sort();
  if (names.length === 0 && subnets.length === 0) return undefined;
  const prefixRanges = [...subnets]
    .sort()
    .map((subnet) => {
      const [addressPrefix = '', length] = subnet.split('/');
      return {
        addressPrefix,
        prefixLen: u32(length === undefined ? (addressPrefix.includes(':') ? 128 : 32) : Number(length)),
      };
    })
    .filter(({ addressPrefix }) => addressPrefix !== '0.0.0.0');
  return { ...(names.length > 0 ? { serverNames: names } : {}), ...(prefixRanges.length > 0 ? { prefixRanges } : {}) };
}

function toService(view: View, { service, port, listenPort }: TcpOf): IFilter[] {
  const [only, ...others] = service.ports;
  const number = only && others.length === 0 ? only.port : listenPort;
  const cluster = clusterName('outbound', { host: service.hostname, port: number });
  const statPrefix = prefixOf(view, { cluster, service, port: { name: '', port: number } });
  return withProtocolFilter(view, port, {
    statPrefix,
    proxy: tcpProxy(view, 'CLIENT', { statPrefix, cluster, ...connectionOf(view, service.hostname) }),
  });
}

/**
 * Under which name the bytes to a cluster are counted; the mesh may have a pattern for those of a service that is
 * known. Only a route's port has a name there.
 */
function prefixOf(
  view: View,
  {
    cluster,
    service,
    port,
    subset,
  }: { cluster: string; service: Service | undefined; port: Pick<ServicePort, 'name' | 'port'>; subset?: string },
): string {
  const pattern = setting(view, 'outboundClusterStatName');
  return pattern && service
    ? statName(pattern, { service, port, targetPort: 0, ...(subset ? { subset } : {}) })
    : cluster;
}

/**
 * What a DestinationRule says of the connection itself: how long it may last, and of consistent hashes the only one
 * that bytes have, by the client's address. A subset's load balancer replaces its rule's; ports of their own count in
 * neither.
 */
export function connectionBy(
  { trafficPolicy, subsets }: DestinationRule,
  subset = '',
): Pick<ITcpProxy, 'hashPolicy' | 'maxDownstreamConnectionDuration'> {
  const lasts = trafficPolicy?.connectionPool?.tcp?.maxConnectionDuration;
  const ofSubset = subset === '' ? undefined : subsets?.find(({ name }) => name === subset)?.trafficPolicy;
  const bySource = (ofSubset?.loadBalancer ?? trafficPolicy?.loadBalancer)?.consistentHash?.useSourceIp;
  return {
    ...(bySource ? { hashPolicy: [{ sourceIp: {} }] } : {}),
    ...(lasts ? { maxDownstreamConnectionDuration: duration(lasts) } : {}),
  };
}

/** The HTTP tunnel that a connection goes through; a subset's is its own alone. */
function tunnelBy({ trafficPolicy, subsets }: DestinationRule, subset: string): Pick<ITcpProxy, 'tunnelingConfig'> {
  const tunnel =
    subset === '' ? trafficPolicy?.tunnel : subsets?.find(({ name }) => name === subset)?.trafficPolicy?.tunnel;
  if (!tunnel) return {};
  const hostname = domainName(tunnel.targetHost ?? '', tunnel.targetPort ?? 0);
  return { tunnelingConfig: { hostname, usePost: tunnel.protocol === 'POST' } };
}

function connectionOf(view: View, host: string, subset = ''): ITcpProxy {
  const owner = view.query(scopeOwner, host);
  const rule = (owner && destinationRule(view, owner)?.rule) ?? {};
  return { ...connectionBy(rule, subset), ...tunnelBy(rule, subset) };
}

/** Filters of a VirtualService's route: one cluster, or several by weight; with the metadata that names it. */
export function toRoutes(
  view: View,
  { port, listenPort }: Pick<TcpOf, 'port' | 'listenPort'>,
  { route, virtualService }: { route: readonly RouteDestination[]; virtualService: ResolvedVirtualService },
): Pick<IFilterChain, 'filters' | 'metadata'> {
  const name = ({ destination: { host = '', subset, port: at } = {} }: RouteDestination): string => {
    const [only, ...others] = at ? [] : (serviceForHost(view, host)?.ports ?? []);
    return clusterName('outbound', {
      host,
      subset,
      port: at ? (at.number ?? 0) : only && others.length === 0 ? only.port : listenPort,
    });
  };
  const [only, ...others] = route;
  const statPrefix =
    only && others.length === 0
      ? prefixOf(view, {
          cluster: name(only),
          service: serviceForHost(view, only.destination?.host ?? ''),
          port,
          subset: only.destination?.subset,
        })
      : `${virtualService.meta.name}.${virtualService.meta.namespace}`;
  const used = route.filter(({ weight }) => (weight ?? 0) > 0);
  const to =
    only && others.length === 0
      ? { cluster: name(only) }
      : { weightedClusters: { clusters: used.map((target) => ({ name: name(target), weight: target.weight ?? 0 })) } };
  // of several destinations the first's rule says how connections are treated, whatever its subset
  const { host = '', subset } = only?.destination ?? {};
  const proxy = tcpProxy(view, 'CLIENT', {
    statPrefix,
    ...to,
    ...connectionOf(view, host, others.length === 0 ? subset : ''),
  });
  return {
    filters: withProtocolFilter(view, port, { statPrefix, proxy }),
    metadata: configMetadata('virtual-service', virtualService.meta),
  };
}
