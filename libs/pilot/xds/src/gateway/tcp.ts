import type { L4MatchAttributes, TLSMatchAttributes } from '@flotilla/model';
import { type ServicePort } from '@flotilla/pilot-registry';
import {
  destinationRule,
  exportedServices,
  serviceOf,
  setting,
  virtualServiceOf,
  gatewayUse,
  virtualServicesFor,
  type ResolvedVirtualService,
  type View,
} from '@flotilla/pilot-world';
import type { envoy } from '@flotilla/proto-gen/envoy';
import { hostMatches, hostSubsetOf } from '@flotilla/rules';
import { customAuthorization, localAuthorization } from '../authz/rbac.ts';
import { istioAuthn, istioMetadataExchange, tcpProxy } from '../filters/network.ts';
import { connectionBy, toRoutes, withProtocolFilter } from '../listeners/outbound-tcp.ts';
import { statName } from '../telemetry/stat-name.ts';
import { gatewayTls } from '../tls/gateway.ts';
import { bySni, type GatewayChain } from './chain.ts';
import { hostsOf, serverHosts } from './hosts.ts';
import { claim, passesTls, type GatewayServer, type SeenHosts } from './merge-servers.ts';

type IFilter = envoy.config.listener.v3.IFilter;

const mutualAlpn = ['istio', 'istio-peer-exchange', 'istio-http/1.0', 'istio-http/1.1', 'istio-h2'];

/** Filters that come before the proxy itself, and after a protocol's own filter as Mongo's. */
const before = (view: View): IFilter[] => [
  ...istioAuthn(view),
  ...view.query(customAuthorization, 'tcp'),
  ...view.query(localAuthorization, 'tcp'),
];

function withSecurity(view: View, filters: readonly IFilter[]): IFilter[] {
  return [...filters.slice(0, -1), ...before(view), ...filters.slice(-1)];
}

const portOf = ({ server, protocol }: GatewayServer): { port: ServicePort; listenPort: number } => {
  const port = server.port?.number ?? 0;
  return { port: { name: server.port?.name ?? '', port, protocol }, listenPort: port };
};

/** VirtualServices that are bound to the server's Gateway and share a host with the server, in order. */
function boundTo(view: View, { server, gateway }: GatewayServer): ResolvedVirtualService[] {
  return view
    .query(virtualServicesFor, gatewayUse({ gateway, namespace: view.attr('namespace') }))
    .flatMap((key) => view.query(virtualServiceOf, key) ?? [])
    .filter(({ meta, spec }) =>
      serverHosts(server, meta.namespace).some((host) => spec.hosts?.some((name) => hostMatches(host, name))),
    );
}

const applies = (match: L4MatchAttributes | TLSMatchAttributes, { server, gateway }: GatewayServer): boolean =>
  (!match.port || match.port === server.port?.number) && (!match.gateways?.length || match.gateways.includes(gateway));

/** The first `tcp` route for the server, of all its VirtualServices: bytes can't be distinguished further. */
function tcpFilters(view: View, of: GatewayServer): IFilter[] | undefined {
  for (const virtualService of boundTo(view, of)) {
    const found = virtualService.spec.tcp?.find(({ match }) => !match?.length || match.some((m) => applies(m, of)));
    if (found)
      return withSecurity(view, toRoutes(view, portOf(of), { route: found.route ?? [], virtualService }).filters ?? []);
  }
  return undefined;
}

/**
 * TLS that goes on untouched, chosen by the name that the client requests: `tls` routes. Of routes for one name the
 * first applies.
 */
function passthroughChains(view: View, of: GatewayServer, seen: SeenHosts): GatewayChain[] {
  const place = { port: of.port, bind: of.server.bind ?? '' };
  return boundTo(view, of).flatMap((virtualService) =>
    (virtualService.spec.tls ?? []).flatMap(({ match, route }) =>
      (match ?? [])
        .filter((m) => applies(m, of) && claim(seen, m.sniHosts ?? [], place))
        .map((m) =>
          bySni(m.sniHosts ?? [], {
            filters: withSecurity(
              view,
              toRoutes(view, portOf(of), { route: route ?? [], virtualService }).filters ?? [],
            ),
          }),
        ),
    ),
  );
}

/** TLS of other networks' sidecars, led to the service and subset that its name spells (Istio's AUTO_PASSTHROUGH). */
function autoPassthroughChains(view: View, { server }: GatewayServer): GatewayChain[] {
  const wanted = hostsOf(server);
  const pattern = setting(view, 'outboundClusterStatName');
  return view
    .query(exportedServices, view.attr('namespace'))
    .flatMap(({ key }) => view.query(serviceOf, key) ?? [])
    .filter(
      ({ meshExternal, hostname, resolution }) =>
        !meshExternal && resolution !== 'Alias' && wanted.some((host) => hostSubsetOf(hostname, host)),
    )
    .flatMap((service) =>
      service.ports
        .filter(({ protocol }) => protocol !== 'UDP')
        .flatMap((port) => {
          const rule = destinationRule(view, service)?.rule ?? {};
          const subsets = rule.subsets?.map(({ name }) => name ?? '') ?? [];
          return ['', ...subsets].map((subset): GatewayChain => {
            const name = `outbound_.${port.port}_.${subset}_.${service.hostname}`;
            const statPrefix = pattern
              ? statName(pattern, { service, port, targetPort: 0, ...(subset ? { subset } : {}) })
              : name;
            const proxy = tcpProxy(view, 'CLIENT', { statPrefix, cluster: name, ...connectionBy(rule, subset) });
            const filters = withSecurity(view, withProtocolFilter(view, port, { statPrefix, proxy }));
            return bySni([name], { filterChainMatch: { applicationProtocols: [...mutualAlpn] }, filters });
          });
        }),
    );
}

/** The chains of a server that carries bytes: plain, TLS that ends here, or TLS that passes. None without a route. */
export function gatewayTcpChains(view: View, of: GatewayServer, seen: SeenHosts): GatewayChain[] {
  const { tls } = of.server;
  if (passesTls(of.server))
    return tls?.mode === 'AUTO_PASSTHROUGH' ? autoPassthroughChains(view, of) : passthroughChains(view, of, seen);
  const filters = tcpFilters(view, of);
  if (!filters) return [];
  if (!tls) return [{ chain: { filters }, inspected: false }];
  const exchanges = tls.mode === 'ISTIO_MUTUAL' && view.attr('istioExtensions');
  return [
    bySni(hostsOf(of.server), {
      filters: [...(exchanges ? [istioMetadataExchange()] : []), ...filters],
      transportSocket: gatewayTls(view, tls, [...(exchanges ? ['istio-peer-exchange'] : []), 'h2', 'http/1.1']),
    }),
  ];
}
