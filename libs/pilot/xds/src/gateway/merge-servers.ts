import type { Server } from '@flotilla/model';
import { isHttp, type Protocol } from '@flotilla/rules';

/** A server of some Gateway, and where this proxy would have it. */
export interface GatewayServer {
  /** As the Gateway has it, but for its hosts (plainHosts). */
  readonly server: Server;
  /** `namespace/name` */
  readonly gateway: string;
  readonly protocol: Protocol;
  /** What the proxy listens on: a Service's target port. */
  readonly port: number;
  /** Its route configuration; empty for bytes. */
  readonly routeName: string;
}

/** Servers of one port, protocol (as written) and bind, in order. Several of these can be one listener. */
export interface GatewayPort {
  readonly port: number;
  readonly bind: string;
  readonly protocol: Protocol;
  /**
   * What plain HTTP is answered by; a TLS server has its own. Empty for bytes, and for HTTP that came to a port of TLS.
   */
  readonly routeName: string;
  readonly servers: readonly GatewayServer[];
}
export interface MergedGateway {
  readonly ports: readonly GatewayPort[];
  /** Servers behind each route configuration, in order. */
  readonly routes: ReadonlyMap<string, readonly GatewayServer[]>;
  /** Whether some server passes other networks' TLS on by its SNI. */
  readonly passesTlsOn: boolean;
}

/** TLS that isn't ended here. */
export const passesTls = ({ tls }: Server): boolean =>
  tls !== undefined && ['PASSTHROUGH', 'AUTO_PASSTHROUGH'].includes(tls.mode ?? 'PASSTHROUGH');
/** HTTP inside TLS that ends here. */
export const endsHttps = ({ server, protocol }: Pick<GatewayServer, 'server' | 'protocol'>): boolean =>
  protocol === 'HTTPS' && server.tls !== undefined && !passesTls(server);
const carriesHttp = (gatewayServer: GatewayServer): boolean =>
  isHttp(gatewayServer.protocol) || endsHttps(gatewayServer);

/**
 * Hosts as merging leaves them: `./host` names the Gateway's namespace, `*` + `/host` none (Istio's
 * sanitizeServerHostNamespace).
 */
export function plainHosts(hosts: readonly string[], namespace: string): string[] {
  if (hosts.includes('*/*')) return ['*'];
  return hosts.map((host) =>
    host.startsWith('./') ? `${namespace}/${host.slice(2)}` : host.startsWith('*/') ? host.slice(2) : host,
  );
}

interface Opened extends GatewayPort {
  routeName: string;
  readonly servers: GatewayServer[];
}
interface Merging {
  readonly ports: Map<string, Opened>;
  readonly routes: Map<string, GatewayServer[]>;
  /** Of each port the first server's place, undefined when that is TLS. */
  readonly first: Map<number, Opened | undefined>;
  readonly hosts: SeenHosts;
  passesTlsOn: boolean;
}

/** Hosts that TLS servers of a port have claimed, with the bind that claimed them last. */
export type SeenHosts = Map<number, Map<string, string>>;

/**
 * Claims hosts for a bind on a port; false, and nothing claimed, when the same bind has one of them (Istio's
 * CheckDuplicates).
 */
export function claim(
  seen: SeenHosts,
  hosts: readonly string[],
  { port, bind }: { port: number; bind: string },
): boolean {
  const known = seen.get(port) ?? new Map<string, string>();
  if (hosts.some((host) => known.get(host) === bind)) return false;
  for (const host of hosts) known.set(host, bind);
  seen.set(port, known);
  return true;
}

/**
 * Servers of the Gateways that hold for one proxy, the oldest first, as its ports. On a port of plain HTTP only plain
 * HTTP joins; other bytes keep it alone; TLS servers share it, distinguished by their hosts. A server that doesn't fit
 * is left out, and what Istio lets through by mistake comes through: plain servers after TLS, hosts that differ in
 * their namespace alone (Istio's mergeGateways).
 */
export function mergeServers(servers: readonly GatewayServer[]): MergedGateway {
  const merging: Merging = {
    ports: new Map(),
    routes: new Map(),
    first: new Map(),
    hosts: new Map(),
    passesTlsOn: false,
  };
  for (const gatewayServer of servers) add(merging, gatewayServer);
  const { ports, routes, passesTlsOn } = merging;
  return { ports: [...ports.values()], routes, passesTlsOn };
}

function add(merging: Merging, gatewayServer: GatewayServer): void {
  const { server, port } = gatewayServer;
  const bind = server.bind ?? '';
  if (server.tls) {
    if (!claim(merging.hosts, server.hosts ?? [], { port, bind })) return;
    merging.passesTlsOn ||= server.tls.mode === 'AUTO_PASSTHROUGH';
  }
  if (!merging.first.has(port)) {
    const opened = placeOf(merging, gatewayServer);
    opened.routeName = gatewayServer.routeName;
    opened.servers.push(gatewayServer);
    merging.first.set(port, server.tls && !isHttp(gatewayServer.protocol) ? undefined : opened);
    if (carriesHttp(gatewayServer)) merging.routes.set(gatewayServer.routeName, [gatewayServer]);
    return;
  }
  const plain = merging.first.get(port);
  if (plain) joinPlain(merging, plain, gatewayServer);
  else joinTls(merging, gatewayServer);
}

/** Where a server stands, opened when it is the first there. */
function placeOf({ ports }: Merging, { server, port, protocol }: GatewayServer): Opened {
  const bind = server.bind ?? '';
  const key = `${port}|${server.port?.protocol ?? ''}|${bind}`;
  const place = ports.get(key) ?? { port, bind, protocol, routeName: '', servers: [] };
  ports.set(key, place);
  return place;
}

function joinPlain(merging: Merging, first: Opened, gatewayServer: GatewayServer): void {
  const sameBind = first.bind === (gatewayServer.server.bind ?? '');
  if (sameBind && !(isHttp(first.protocol) && isHttp(gatewayServer.protocol))) return;
  const place = sameBind ? first : placeOf(merging, gatewayServer);
  if (!sameBind) place.routeName = gatewayServer.routeName;
  place.servers.push(gatewayServer);
  merging.routes.set(gatewayServer.routeName, [...(merging.routes.get(gatewayServer.routeName) ?? []), gatewayServer]);
}

function joinTls(merging: Merging, gatewayServer: GatewayServer): void {
  const { routes } = merging;
  if (carriesHttp(gatewayServer)) {
    if (routes.has(gatewayServer.routeName)) return;
    routes.set(gatewayServer.routeName, [gatewayServer]);
  }
  placeOf(merging, gatewayServer).servers.push(gatewayServer);
}
