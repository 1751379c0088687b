import type { Server } from '@flotilla/model';
import { compareSpecific, hostMatches, hostSubsetOf, isWildcard } from '@flotilla/pilot-registry';
import { virtualServiceHeader, virtualServicesFor, worldQuery } from '@flotilla/pilot-world';
import { envoy } from '@flotilla/proto-gen/envoy';
import { withStockAlpn } from '../filters/stock-alpn.ts';
import { mergedGateway } from '../gateway/merge.ts';
import { sameResource, xdsResource, type XdsResource } from '../resource.ts';
import { assembleRouteConfiguration, virtualHostBytes } from './assemble.ts';
import { byName, domainName } from './domains.ts';
import { isCatchAll } from './match.ts';
import { servedAtKey, virtualServiceRoutes } from './virtual-service-routes.ts';

const { ALL } = envoy.config.route.v3.VirtualHost.TlsRequirementType;

interface GatewayHost { readonly name: string; readonly domains: string[]; readonly routes: string[]; redirects: boolean }

/** Hosts of a server that a VirtualService of a namespace may use; a server's host can name the namespace. */
export function serverHosts({ hosts }: Server, namespace: string, gatewayNamespace: string): string[] {
  return (hosts ?? []).flatMap((entry) => {
    const slash = entry.indexOf('/');
    if (slash < 0) return [entry];
    const of = entry.slice(0, slash);
    return of === '*' || of === namespace || (of === '.' && gatewayNamespace === namespace) ? [entry.slice(slash + 1)] : [];
  });
}

/** The hosts that both name: of each pair the more specific (Istio's host.Names.Intersection). */
export function intersection(a: readonly string[], b: readonly string[]): string[] {
  return [...new Set(a.flatMap((x) => b.filter((y) => hostMatches(x, y)).map((y) => (isWildcard(x) && isWildcard(y) ? (hostSubsetOf(x, y) ? x : y) : isWildcard(x) ? y : x))))];
}

/** Virtual hosts of a gateway's route configuration: VirtualServices of one host share it, in order (unlike in the mesh). */
const gatewayPlan = worldQuery('gateway-plan', (view, name): readonly GatewayHost[] | undefined => {
  const servers = view.query(mergedGateway, '').routes.get(name);
  if (!servers) return undefined;
  const hosts = new Map<string, GatewayHost>();
  const namespace = view.attr('namespace');
  for (const { server, gateway } of servers) {
    const port = server.port?.number ?? 0;
    const redirects = server.tls?.httpsRedirect ?? false;
    const open = (host: string): GatewayHost => {
      const known = hosts.get(host) ?? { name: domainName(host, port), domains: [host], routes: [], redirects: false };
      known.redirects ||= redirects;
      hosts.set(host, known);
      return known;
    };
    for (const key of view.query(virtualServicesFor, `${namespace}|${gateway}`)) {
      const header = view.query(virtualServiceHeader, key);
      if (!header) continue;
      const routes = servedAtKey({ virtualService: key, port, gateway, tls: server.tls !== undefined });
      if (view.query(virtualServiceRoutes, routes).length === 0) continue;
      const gatewayNamespace = gateway.slice(0, gateway.indexOf('/'));
      for (const host of intersection(serverHosts(server, header.namespace, gatewayNamespace), header.hosts)) open(host.toLowerCase()).routes.push(routes);
    }
    // As written, namespace and all: that is what Istio sends.
    if (redirects) for (const host of server.hosts ?? []) open(host);
  }
  return collapse([...hosts].sort(([a], [b]) => compareSpecific(a, b)).map(([, host]) => host));
});

/** Hosts with the same routes share one virtual host, named after the first (Istio's collapseDuplicateRoutes). */
function collapse(hosts: readonly GatewayHost[]): GatewayHost[] {
  const shared = new Map<string, GatewayHost>();
  for (const host of hosts) {
    const id = `${host.redirects}|${host.routes.join(' ')}`;
    const known = shared.get(id);
    if (known) known.domains.push(...host.domains);
    else shared.set(id, host);
  }
  return [...shared.values()];
}

const gatewayVirtualHost = worldQuery('gateway-virtual-host', (view, key): XdsResource | undefined => {
  const bar = key.indexOf('|');
  const host = view.query(gatewayPlan, key.slice(0, bar))?.find(({ name }) => name === key.slice(bar + 1));
  if (!host) return undefined;
  const routes = host.routes.flatMap((served) => view.query(virtualServiceRoutes, served));
  // What catches all comes last, whoever brought it.
  const ordered = [...routes.filter(({ match }) => !match || !isCatchAll(match)), ...routes.filter(({ match }) => match && isCatchAll(match))];
  return xdsResource(host.name, virtualHostBytes({
    name: host.name, domains: host.domains, routes: withStockAlpn(view, ordered), includeRequestAttemptCount: true, ...(host.redirects ? { requireTls: ALL } : {}),
  }));
}, { equals: sameResource });

/** A gateway's route configuration; without any VirtualService it answers 404 to everything. */
export const gatewayRouteConfiguration = worldQuery('gateway-route-configuration', (view, name): XdsResource | undefined => {
  const plan = view.query(gatewayPlan, name);
  if (!plan) return undefined;
  const hosts = [...plan].sort(byName).flatMap((host) => view.query(gatewayVirtualHost, `${name}|${host.name}`) ?? []);
  if (hosts.length > 0) return assembleRouteConfiguration(name, hosts);
  const port = view.query(mergedGateway, '').routes.get(name)?.[0]?.server.port?.number ?? 0;
  const blackhole = domainName('blackhole', port);
  return assembleRouteConfiguration(name, [xdsResource(blackhole, virtualHostBytes({ name: blackhole, domains: ['*'] }))]);
}, { equals: sameResource });
