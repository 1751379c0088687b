import { parsePort } from '@flotilla/std';
import { portNumbered, type Service } from '@flotilla/pilot-registry';
import type { ObjectKey } from '@flotilla/model';
import { defineKey, type KeyOf } from '@flotilla/query';
import {
  addressesFor,
  destinationRulesOf,
  scopedService,
  sidecarScope,
  virtualServiceHeader,
  worldQuery,
  type EgressScope,
  type RuleKey,
  type View,
} from '@flotilla/pilot-world';
import { hostMatches, isWildcard, parseProtocol } from '@flotilla/rules';
import { hashRuleOf } from './hash-policy.ts';
import { bracketed, domainName, isRoutable, serviceDomains, settleDomains } from './domains.ts';
import { sessionOf, type PersistentSession } from './persistent-session.ts';
import { mayHaveRoutes, servedAt, type ServedAt } from './virtual-service-routes.ts';

interface ServiceRoutesFields {
  readonly hostname: string;
  readonly port: number;
  /** The DestinationRule that says by what to balance; noRule where none does. */
  readonly hashRule: RuleKey;
}
/** The one route of a service that no VirtualService claims: to its own cluster. */
const serviceRoutes = defineKey<ServiceRoutesFields>()('hostname', 'port', 'hashRule');
export type ServiceRoutes = KeyOf<typeof serviceRoutes>;

interface PlannedHostFields {
  readonly name: string;
  readonly domains: readonly string[];
  readonly routes: ServedAt | ServiceRoutes;
  /** Of the service that it is for. */
  readonly session: PersistentSession | undefined;
}
/** A virtual host of a sidecar's outbound route configuration: what it is called and where its routes come from. */
const plannedHost = defineKey<PlannedHostFields>()('name', 'domains', 'routes', 'session');
export type PlannedHost = KeyOf<typeof plannedHost>;

/** A route configuration's name: a port, `host:port` for sniffed ports, `http_proxy`, or a Unix socket's path. */
export interface RouteName {
  readonly port: number;
  readonly sniffed: boolean;
}
export function parseRouteName(name: string): RouteName | undefined {
  if (name === 'http_proxy' || name.startsWith('unix://')) return { port: 0, sniffed: false };
  const colon = name.startsWith('[') ? name.lastIndexOf(':') : name.indexOf(':');
  const port = parsePort(name.slice(colon + 1)) ?? 0;
  return port > 0 ? { port, sniffed: colon >= 0 } : undefined;
}

/**
 * The egress listener that a route configuration belongs to (Istio's GetEgressListenerForRDS): the one of its port, or
 * of its Unix socket; else the one without port. A Sidecar whose listeners all have ports may have none.
 */
const egressFor = (egress: readonly EgressScope[], { port }: RouteName, name: string): EgressScope | undefined =>
  egress.find(
    ({ listener }) =>
      !listener?.port || ((listener.port.number ?? 0) === port && (port !== 0 || listener.bind === name)),
  );

/** Services by hostname as one listener's port shows them; of several with one hostname the last. */
function servicesAt(view: View, egress: EgressScope, port: number): Map<string, Service> {
  const found = new Map<string, Service>();
  for (const ref of egress.services) {
    const service = scopedService(view, ref);
    if (!service) continue;
    if (port === 0) found.set(service.hostname, service);
    else {
      const only = portNumbered(service, port);
      if (only) found.set(service.hostname, { ...service, ports: [only] });
    }
  }
  return found;
}

/**
 * The virtual hosts of a route configuration: first those of VirtualServices, in order, then those of the services that
 * none of them claims.
 */
export const sidecarPlan = worldQuery('sidecar-plan', (view, name): readonly PlannedHost[] | undefined => {
  const route = parseRouteName(name);
  const egress = route && egressFor(view.query(sidecarScope, '').egress, route, name);
  if (!route) return undefined;
  // then every host is unknown
  if (!egress) return [];
  const listenPort = parseProtocol(egress.listener?.port?.protocol ?? '') === 'HTTP_PROXY' ? 0 : route.port;
  const services = servicesAt(view, egress, listenPort);
  const claimed = new Set<string>();
  const wrappers = egress.virtualServices.flatMap((key) =>
    hostsOfVirtualService(view, key, { services, listenPort, claimed }),
  );
  const ruleFor = destinationRulesOf(view);
  const plain = [...services.values()]
    .filter(({ hostname }) => !claimed.has(hostname))
    .flatMap((service) =>
      service.ports.filter(isRoutable).map((port) => {
        const { hostname } = service;
        const hashRule = hashRuleOf(view, hostname, { port: port.port, ruleFor });
        const routes = serviceRoutes({ hostname, port: port.port, hashRule });
        return { port: port.port, routes, service, hostname };
      }),
    );
  const all = [...wrappers, ...plain];
  const known = new Set(
    all.flatMap(({ service, port }) => (service ? [service.hostname, domainName(service.hostname, port)] : [])),
  );
  const candidates = all.map(({ hostname, port, routes, service }) => ({
    name: domainName(hostname, port),
    routes,
    port,
    session: service && sessionOf(service),
    ...(service ? domainsOf(view, service, { listenPort, port }) : { domains: [bracketed(hostname)] }),
  }));
  const settled = settleDomains(candidates, known);
  const shown = listenPort === 0 ? settled.flatMap(withNamedPort) : settled.filter(({ port }) => port === listenPort);
  const planned = shown.map(({ name: host, domains, routes, session }) =>
    plannedHost({ name: host, domains, routes, session }),
  );
  return route.sniffed ? sniffedHost(planned, name) : planned;
});

function domainsOf(
  view: View,
  service: Service,
  { listenPort, port }: { listenPort: number; port: number },
): { domains: string[]; short: Set<string> } {
  const { domains, short } = serviceDomains(service, {
    addresses: addressesFor(view, service),
    proxyDomain: view.attr('dnsDomain'),
  });
  if (listenPort !== 0) return { domains, short };
  return { domains: domains.flatMap((domain) => [domain, `${domain}:${port}`]), short };
}

/**
 * An HTTP proxy sees the port that the client names; only port 80 may be left out (Istio's mergeAllVirtualHosts). A
 * domain without port that an earlier port has claimed is lost even to port 80.
 */
function withNamedPort<T extends { readonly port: number; readonly domains: readonly string[] }>(host: T): T[] {
  if (host.port === 80) return [host];
  const domains = host.domains.filter((domain) => domain.includes(':'));
  return domains.length > 0 ? [{ ...host, domains }] : [];
}

interface Wrapper {
  readonly hostname: string;
  readonly port: number;
  readonly routes: ServedAt | ServiceRoutes;
  readonly service?: Service;
}

function hostsOfVirtualService(
  view: View,
  key: ObjectKey,
  at: { services: Map<string, Service>; listenPort: number; claimed: Set<string> },
): Wrapper[] {
  const routes = servedAt({ virtualService: key, port: at.listenPort, gateway: 'mesh', tls: false });
  const header = view.query(virtualServiceHeader, key);
  if (!header || !mayHaveRoutes(view, routes)) return [];
  const services: Service[] = [];
  const hosts: string[] = [];
  for (const host of [...header.hosts.filter((h) => !isWildcard(h)), ...header.hosts.filter(isWildcard)]) {
    const matching = isWildcard(host)
      ? [...at.services.values()].filter(({ hostname }) => hostMatches(host, hostname))
      : [at.services.get(host)].filter((s) => s !== undefined);
    services.push(...matching);
    if (matching.length === 0) hosts.push(host);
  }
  const byPort = new Map<number, Service[]>();
  for (const service of services)
    for (const { port } of service.ports.filter(isRoutable)) byPort.set(port, [...(byPort.get(port) ?? []), service]);
  if (byPort.size === 0 && at.listenPort === 80) byPort.set(80, []);
  if (byPort.size > 0) for (const service of services) at.claimed.add(service.hostname);
  // Istio takes the ports in any order; port 80 before the others keeps the domains without port.
  const ports = [...byPort].sort(([a], [b]) => Number(b === 80) - Number(a === 80));
  return ports.flatMap(([port, of]): Wrapper[] => [
    ...hosts.map((hostname) => ({ hostname, port, routes })),
    ...of.map((service) => ({ hostname: service.hostname, port, routes, service })),
  ]);
}

/** A sniffed port's configuration serves one host, whatever the client calls it. */
function sniffedHost(hosts: readonly PlannedHost[], name: string): readonly PlannedHost[] {
  const own = hosts.filter((host) => host.name === name || host.domains.includes(name));
  const [only, ...others] = own.length > 0 ? own : hosts;
  return only && others.length === 0 ? [plannedHost({ ...only, domains: ['*'] })] : own.length > 0 ? own : hosts;
}
