import type { L4MatchAttributes, RouteDestination, TLSMatchAttributes } from '@flotilla/model';
import { isTls, type Service, type ServicePort } from '@flotilla/pilot-registry';
import { addressesFor, destinationRule, isSelected, scopeOwner, serviceForHost, setting, virtualServiceOf, type ResolvedVirtualService, type View } from '@flotilla/pilot-world';
import { duration, u32, type envoy } from '@flotilla/proto-gen/envoy';
import { mongoProxy, tcpProxy } from '../filters/network.ts';
import { statName } from '../telemetry/stat-name.ts';
import { statsOf } from '../telemetry/stats.ts';
import { hashPoliciesOf } from '../routes/hash-policy.ts';
import { clusterName, configMetadata } from '../routes/route.ts';

type IFilterChain = envoy.config.listener.v3.IFilterChain;
type IFilter = envoy.config.listener.v3.IFilter;
type ITcpProxy = envoy.extensions.filters.network.tcp_proxy.v3.ITcpProxy;

export interface TcpOf {
  readonly service: Service;
  readonly port: ServicePort;
  readonly listenPort: number;
  /** Keys of those that name its host, in order. */
  readonly virtualServices: readonly string[];
  readonly wildcardBind: boolean;
}

const withProtocolFilter = (view: View, port: ServicePort, { statPrefix, proxy }: { statPrefix: string; proxy: IFilter }): IFilter[] =>
  [...statsOf(view, 'CLIENT', 'tcp'), ...(port.protocol === 'Mongo' ? [mongoProxy(statPrefix)] : []), proxy];

/** The chains of a service's bytes: its VirtualServices' `tls` or `tcp` routes, else straight to it (Istio's buildSidecarOutboundTCPTLSFilterChainOpts). */
export function buildTcpChains(view: View, of: TcpOf): IFilterChain[] {
  const virtualServices = of.virtualServices.flatMap((key) => view.query(virtualServiceOf, key) ?? []);
  const [address] = addressesFor(view, of.service);
  // to a proxy of IPv6 alone, an entry without address stands for all of them
  const everything = address === undefined && of.service.registry === 'External' && of.wildcardBind && !view.attr('supportsIPv4') ? '::/0' : undefined;
  const cidr = address?.includes('/') ? address : everything;
  return isTls(of.port.protocol) ? tlsChains(view, of, { virtualServices, cidr }) : rawChains(view, of, { virtualServices, cidr });
}

interface Found { readonly virtualServices: readonly ResolvedVirtualService[]; readonly cidr: string | undefined }

function tlsChains(view: View, of: TcpOf, { virtualServices, cidr }: Found): IFilterChain[] {
  const chains: IFilterChain[] = [];
  const seen = new Set<string>();
  for (const virtualService of virtualServices) {
    for (const { match, route } of virtualService.spec.tls ?? []) {
      for (const m of match ?? []) {
        if (!isForProxy(view, m, of.listenPort)) continue;
        const chainMatch = matchOf({ serverNames: m.sniHosts, subnets: m.destinationSubnets?.length ? m.destinationSubnets : cidr ? [cidr] : [] });
        const id = JSON.stringify(chainMatch);
        if (seen.has(id)) continue;
        seen.add(id);
        chains.push({ ...(chainMatch ? { filterChainMatch: chainMatch } : {}), ...toRoutes(view, of, { route: route ?? [], virtualService }) });
      }
    }
  }
  if (chains.length > 0) return chains;
  const bySni = cidr !== undefined || (addressesFor(view, of.service).length === 0 && of.wildcardBind);
  const chainMatch = matchOf({ serverNames: bySni ? [of.service.hostname] : [], subnets: cidr ? [cidr] : [] });
  return [{ ...(chainMatch ? { filterChainMatch: chainMatch } : {}), filters: toService(view, of) }];
}

function rawChains(view: View, of: TcpOf, { virtualServices, cidr }: Found): IFilterChain[] {
  const chains: IFilterChain[] = [];
  const own = cidr ? [cidr] : [];
  for (const virtualService of virtualServices) {
    for (const { match, route } of virtualService.spec.tcp ?? []) {
      const routes = toRoutes(view, of, { route: route ?? [], virtualService });
      const matches = (match ?? []).filter((m) => isForProxy(view, m, of.listenPort));
      if (match?.length && matches.length === 0) continue;
      const subnets = matches.flatMap((m) => m.destinationSubnets ?? []);
      const everywhere = matches.length === 0 || matches.some((m) => !m.destinationSubnets?.length);
      if (everywhere) {
        const chainMatch = matchOf({ subnets: own });
        chains.push({ ...(chainMatch ? { filterChainMatch: chainMatch } : {}), ...routes });
        return chains;
      }
      // A chain of subnets is told from others by them, so it carries no name of its own.
      chains.push({ filterChainMatch: matchOf({ subnets }) ?? {}, filters: routes.filters ?? [] });
    }
  }
  const chainMatch = matchOf({ subnets: own });
  return [...chains, { ...(chainMatch ? { filterChainMatch: chainMatch } : {}), filters: toService(view, of) }];
}

function isForProxy(view: View, match: L4MatchAttributes | TLSMatchAttributes, port: number): boolean {
  if (match.port && match.port !== port) return false;
  if (match.gateways?.length && !match.gateways.includes('mesh')) return false;
  if (!isSelected(view, match.sourceLabels)) return false;
  return !match.sourceNamespace || match.sourceNamespace === view.attr('namespace');
}

function matchOf({ serverNames, subnets }: { serverNames?: readonly string[]; subnets: readonly string[] }): envoy.config.listener.v3.IFilterChainMatch | undefined {
  const prefixRanges = [...subnets].sort().map((subnet) => {
    const [addressPrefix = '', length] = subnet.split('/');
    return { addressPrefix, prefixLen: u32(length === undefined ? (addressPrefix.includes(':') ? 128 : 32) : Number(length)) };
  });
  if (!serverNames?.length && prefixRanges.length === 0) return undefined;
  return { ...(serverNames?.length ? { serverNames: [...serverNames] } : {}), ...(prefixRanges.length > 0 ? { prefixRanges } : {}) };
}

function toService(view: View, { service, port, listenPort }: TcpOf): IFilter[] {
  const [only, ...others] = service.ports;
  const cluster = clusterName('outbound', { host: service.hostname, port: only && others.length === 0 ? only.port : listenPort });
  const statPrefix = prefixOf(view, { cluster, service, port });
  return withProtocolFilter(view, port, { statPrefix, proxy: tcpProxy(view, 'CLIENT', { statPrefix, cluster, ...connectionOf(view, service.hostname, { port: port.port }) }) });
}

/** Under which name the bytes to a cluster are counted; the mesh may have a pattern for those of a service that is known. */
function prefixOf(view: View, { cluster, service, port, subset }: { cluster: string; service: Service | undefined; port: ServicePort; subset?: string }): string {
  const pattern = setting(view, 'outboundClusterStatName');
  return pattern && service ? statName(pattern, { service, port, targetPort: 0, ...(subset ? { subset } : {}) }) : cluster;
}

/** What a DestinationRule says of the connection itself: how long it may last, and of consistent hashes the only one that bytes have, by the client's address. */
function connectionOf(view: View, host: string, { subset, port }: { subset?: string; port: number }): Pick<ITcpProxy, 'hashPolicy' | 'maxDownstreamConnectionDuration'> {
  const owner = view.query(scopeOwner, host);
  const lasts = owner && destinationRule(view, owner)?.rule.trafficPolicy?.connectionPool?.tcp?.maxConnectionDuration;
  const bySource = hashPoliciesOf(view, { host, ...(subset ? { subset } : {}) }, port).some(({ connectionProperties }) => connectionProperties?.sourceIp);
  return { ...(bySource ? { hashPolicy: [{ sourceIp: {} }] } : {}), ...(lasts ? { maxDownstreamConnectionDuration: duration(lasts) } : {}) };
}

/** Filters of a VirtualService's route: one cluster, or several by weight; with the metadata that names it. */
export function toRoutes(
  view: View, { port, listenPort }: Pick<TcpOf, 'port' | 'listenPort'>, { route, virtualService }: { route: readonly RouteDestination[]; virtualService: ResolvedVirtualService },
): Pick<IFilterChain, 'filters' | 'metadata'> {
  const name = ({ destination: { host = '', subset, port: at } = {} }: RouteDestination): string => {
    const [only, ...others] = at ? [] : serviceForHost(view, host)?.ports ?? [];
    return clusterName('outbound', { host, subset, port: at ? at.number ?? 0 : only && others.length === 0 ? only.port : listenPort });
  };
  const [only, ...others] = route;
  const statPrefix = only && others.length === 0
    ? prefixOf(view, { cluster: name(only), service: serviceForHost(view, only.destination?.host ?? ''), port, subset: only.destination?.subset })
    : `${virtualService.meta.name}.${virtualService.meta.namespace}`;
  const used = route.filter(({ weight }) => (weight ?? 0) > 0);
  const to = only && others.length === 0
    ? { cluster: name(only) } : { weightedClusters: { clusters: used.map((target) => ({ name: name(target), weight: target.weight ?? 0 })) } };
  // of several destinations the first says how connections are treated
  const { host = '', subset, port: at } = only?.destination ?? {};
  const proxy = tcpProxy(view, 'CLIENT', { statPrefix, ...to, ...connectionOf(view, host, { port: at?.number ?? listenPort, ...(subset ? { subset } : {}) }) });
  return { filters: withProtocolFilter(view, port, { statPrefix, proxy }), metadata: configMetadata('virtual-service', virtualService.meta) };
}
