import { compareText } from '@flotilla/std';
import type { Gateway, Resource, Server } from '@flotilla/model';
import { isHttp, labelsMatch, parseProtocol, type Protocol } from '@flotilla/pilot-registry';
import { serviceTargets, worldQuery, type View } from '@flotilla/pilot-world';

/** A server of some Gateway, on one port of this proxy. */
export interface GatewayServer {
  readonly server: Server;
  /** `namespace/name` */
  readonly gateway: string;
  readonly protocol: Protocol;
}
export interface GatewayPort {
  /** What the proxy listens on: a Service's target port. */
  readonly port: number;
  readonly bind: string;
  readonly servers: readonly GatewayServer[];
}
export interface MergedGateway {
  readonly ports: readonly GatewayPort[];
  /** Servers behind each route configuration, in order. */
  readonly routes: ReadonlyMap<string, readonly GatewayServer[]>;
}

/** Does a server end the clients' TLS itself? */
export const endsTls = ({ tls }: Server): boolean => tls !== undefined && !tls.httpsRedirect && (tls.mode ?? 'PASSTHROUGH') !== 'PASSTHROUGH' && tls.mode !== 'AUTO_PASSTHROUGH';

/** The route configuration of an HTTP server: plain text is shared by all servers of a port, TLS belongs to one server (Istio's gatewayRDSRouteName). */
export function routeNameOf({ server, gateway, protocol }: GatewayServer, port: number): string | undefined {
  const suffix = server.bind ? `.${server.bind}` : '';
  if (isHttp(protocol)) return `http.${port}${suffix}`;
  if (protocol !== 'HTTPS' || !endsTls(server)) return undefined;
  const [namespace, name] = gateway.split('/') as [string, string];
  return `https.${server.port?.number ?? 0}.${server.port?.name ?? ''}.${name}.${namespace}${suffix}`;
}

type Selected = Resource<'gateways'> & { readonly spec: Gateway };

/** Gateways whose selector selects the proxy, the oldest first. */
function selected(view: View): Selected[] {
  return view.list('gateways').flatMap((key) => view.get('gateways', key) ?? [])
    .filter(({ spec }) => labelsMatch(spec.selector ?? {}, view.attr('labels')))
    .sort((a, b) => (Date.parse(a.meta.creationTimestamp ?? '') || 0) - (Date.parse(b.meta.creationTimestamp ?? '') || 0)
      || compareText(a.meta.name, b.meta.name) || compareText(a.meta.namespace, b.meta.namespace));
}

/** Ports of the pod behind a Service's port; the port itself when no Service has it. */
function resolvePorts(view: View, port: number): number[] {
  const found = view.query(serviceTargets, '').filter((target) => target.port.port === port).map(({ targetPort }) => targetPort);
  return found.length > 0 ? [...new Set(found)].sort((a, b) => a - b) : [port];
}

/** Servers on one port go together when all are plain HTTP, or all are TLS; else the oldest keep it (Istio's MergeGateways). */
function fits(known: readonly GatewayServer[], next: GatewayServer): boolean {
  const [first] = known;
  if (!first) return true;
  const isTls = ({ server, protocol }: GatewayServer): boolean => server.tls !== undefined && !server.tls.httpsRedirect && !isHttp(protocol);
  if (isTls(first) !== isTls(next)) return false;
  if (!isTls(next)) return isHttp(first.protocol) && isHttp(next.protocol);
  const hosts = new Set(known.flatMap(({ server }) => sniHosts(server)));
  return !sniHosts(next.server).some((host) => hosts.has(host));
}

/** Hosts of a server without their namespaces, sorted. */
export const hostsOf = ({ hosts }: Server): string[] => [...new Set((hosts ?? []).map((host) => host.slice(host.indexOf('/') + 1)))].sort(compareText);
const sniHosts = (server: Server): string[] => hostsOf(server);

export const mergedGateway = worldQuery('merged-gateway', (view): MergedGateway => {
  const ports = new Map<string, { port: number; bind: string; servers: GatewayServer[] }>();
  const routes = new Map<string, GatewayServer[]>();
  for (const { meta, spec } of selected(view)) {
    for (const server of spec.servers ?? []) {
      const next: GatewayServer = { server, gateway: `${meta.namespace}/${meta.name}`, protocol: parseProtocol(server.port?.protocol ?? '') };
      for (const port of resolvePorts(view, server.port?.number ?? 0)) {
        const bind = server.bind ?? '';
        const known = ports.get(`${bind}|${port}`) ?? { port, bind, servers: [] };
        if (!fits(known.servers, next)) continue;
        known.servers.push(next);
        ports.set(`${bind}|${port}`, known);
        const name = routeNameOf(next, port);
        if (name !== undefined) routes.set(name, [...(routes.get(name) ?? []), next]);
      }
    }
  }
  return { ports: [...ports.values()], routes };
});

/** Does some server of the proxy pass other networks' TLS on by its SNI? */
export const passesTlsOn = worldQuery('passes-tls-on', (view): boolean =>
  view.attr('type') === 'router' && view.query(mergedGateway, '').ports.some(({ servers }) => servers.some(({ server }) => server.tls?.mode === 'AUTO_PASSTHROUGH')));
