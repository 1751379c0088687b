import { compareText } from '@flotilla/std';
import type { L4MatchAttributes, TLSMatchAttributes } from '@flotilla/model';
import { hostMatches, type ServicePort } from '@flotilla/pilot-registry';
import { destinationRule, exportedServices, serviceOf, setting, virtualServiceOf, virtualServicesFor, type ResolvedVirtualService, type View } from '@flotilla/pilot-world';
import { u32, type envoy } from '@flotilla/proto-gen/envoy';
import { customAuthorization, localAuthorization } from '../authz/rbac.ts';
import { istioAuthn, istioMetadataExchange, tcpProxy } from '../filters/network.ts';
import { toRoutes } from '../listeners/outbound-tcp.ts';
import { intersection, serverHosts } from '../routes/gateway.ts';
import { buildGatewayTls } from '../tls/gateway.ts';
import { endsTls, hostsOf, type GatewayServer } from './merge.ts';

type IFilter = envoy.config.listener.v3.IFilter;
type IFilterChain = envoy.config.listener.v3.IFilterChain;
type IFilterChainMatch = envoy.config.listener.v3.IFilterChainMatch;

const mutualAlpn = ['istio', 'istio-peer-exchange', 'istio-http/1.0', 'istio-http/1.1', 'istio-h2'];

/** Filters that come before the proxy itself, and after a protocol's own filter as Mongo's. */
const before = (view: View): IFilter[] =>
  [...(view.attr('istioExtensions') ? [istioAuthn] : []), ...view.query(customAuthorization, 'tcp'), ...view.query(localAuthorization, 'tcp')];

function withSecurity(view: View, filters: readonly IFilter[]): IFilter[] {
  return [...filters.slice(0, -1), ...before(view), ...filters.slice(-1)];
}

const portOf = ({ server, protocol }: GatewayServer): { port: ServicePort; listenPort: number } => {
  const port = server.port?.number ?? 0;
  return { port: { name: server.port?.name ?? '', port, protocol }, listenPort: port };
};

/** VirtualServices that are bound to the server's Gateway and share a host with the server, in order. */
function boundTo(view: View, { server, gateway }: GatewayServer): ResolvedVirtualService[] {
  return view.query(virtualServicesFor, `${view.attr('namespace')}|${gateway}`).flatMap((key) => view.query(virtualServiceOf, key) ?? []).filter(({ meta, spec }) =>
    intersection(serverHosts(server, meta.namespace, gateway.slice(0, gateway.indexOf('/'))), spec.hosts ?? []).length > 0);
}

const applies = (match: L4MatchAttributes | TLSMatchAttributes, { server, gateway }: GatewayServer): boolean =>
  (!match.port || match.port === server.port?.number) && (!match.gateways?.length || match.gateways.includes(gateway));

/** The first `tcp` route for the server, of all its VirtualServices: bytes can't be told apart further. */
function tcpFilters(view: View, of: GatewayServer): IFilter[] | undefined {
  for (const virtualService of boundTo(view, of)) {
    const found = virtualService.spec.tcp?.find(({ match }) => !match?.length || match.some((m) => applies(m, of)));
    if (found) return withSecurity(view, toRoutes(view, portOf(of), { route: found.route ?? [], virtualService }).filters ?? []);
  }
  return undefined;
}

function matchOf(serverNames: readonly string[], subnets: readonly string[] = []): Pick<IFilterChain, 'filterChainMatch'> {
  const prefixRanges = subnets.map((subnet) => {
    const [addressPrefix = '', length] = subnet.split('/');
    return { addressPrefix, prefixLen: u32(length === undefined ? (addressPrefix.includes(':') ? 128 : 32) : Number(length)) };
  });
  const names = serverNames.includes('*') ? [] : [...serverNames].sort(compareText);
  const filterChainMatch: IFilterChainMatch = { ...(names.length > 0 ? { serverNames: names } : {}), ...(prefixRanges.length > 0 ? { prefixRanges } : {}) };
  return Object.keys(filterChainMatch).length > 0 ? { filterChainMatch } : {};
}

/** TLS that goes on untouched, told by the name that the client asks for: `tls` routes. */
function passthroughChains(view: View, of: GatewayServer): IFilterChain[] {
  return boundTo(view, of).flatMap((virtualService) => (virtualService.spec.tls ?? []).flatMap(({ match, route }) => {
    const filters = toRoutes(view, portOf(of), { route: route ?? [], virtualService }).filters ?? [];
    return (match ?? []).filter((m) => applies(m, of)).map((m): IFilterChain => ({ ...matchOf(m.sniHosts ?? [], m.destinationSubnets), filters: withSecurity(view, filters) }));
  }));
}

/** TLS of other networks' sidecars, led to the service and subset that its name spells (Istio's AUTO_PASSTHROUGH). */
function autoPassthroughChains(view: View, { server }: GatewayServer): IFilterChain[] {
  const wanted = hostsOf(server);
  return view.query(exportedServices, view.attr('namespace')).flatMap(({ key }) => view.query(serviceOf, key) ?? [])
    .filter(({ meshExternal, hostname, resolution }) => !meshExternal && resolution !== 'Alias' && wanted.some((host) => hostMatches(host, hostname)))
    .flatMap((service) => service.ports.filter(({ protocol }) => protocol !== 'UDP').flatMap(({ port }) => {
      const subsets = destinationRule(view, service)?.rule.subsets?.map(({ name }) => name ?? '') ?? [];
      return ['', ...subsets].map((subset): IFilterChain => {
        const name = `outbound_.${port}_.${subset}_.${service.hostname}`;
        return { filterChainMatch: { serverNames: [name], applicationProtocols: [...mutualAlpn] }, filters: withSecurity(view, [tcpProxy(view, 'CLIENT', { statPrefix: name, cluster: name })]) };
      });
    }));
}

/** The chains of a server that carries bytes: plain, TLS that ends here, or TLS that passes. None without a route. */
export function gatewayTcpChains(view: View, of: GatewayServer): IFilterChain[] {
  const { tls } = of.server;
  if (!tls) {
    const filters = tcpFilters(view, of);
    return filters ? [{ filters }] : [];
  }
  if (!endsTls(of.server)) return tls.mode === 'AUTO_PASSTHROUGH' ? autoPassthroughChains(view, of) : passthroughChains(view, of);
  const filters = tcpFilters(view, of);
  if (!filters) return [];
  const exchanges = tls.mode === 'ISTIO_MUTUAL' && view.attr('istioExtensions');
  return [{
    ...matchOf(hostsOf(of.server)),
    filters: [...(exchanges ? [istioMetadataExchange()] : []), ...filters],
    transportSocket: buildGatewayTls(tls, { alpn: [...(exchanges ? ['istio-peer-exchange'] : []), 'h2', 'http/1.1'], mesh: setting(view, 'tlsDefaults') }),
  }];
}
