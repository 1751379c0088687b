import { compareSpecific, HostIndex } from '@flotilla/rules';
import type { ObjectKey } from '@flotilla/model';
import { gatewayUse, virtualServiceHeader, virtualServicesFor, worldQuery, type View } from '@flotilla/pilot-world';
import { defineKey, internList, type KeyOf } from '@flotilla/query';
import { envoy } from '@flotilla/proto-gen/envoy';
import { part } from '../finish/parts.ts';
import { encodeVirtualHost, finishRouteConfiguration, type VirtualHostPart } from '../finish/route-configuration.ts';
import { serverHosts } from '../gateway/hosts.ts';
import { mergedGateway } from '../gateway/merge.ts';
import type { GatewayServer } from '../gateway/merge-servers.ts';
import { sameResource, type XdsResource } from '../resource.ts';
import { byName, domainName } from './domains.ts';
import { isCatchAll } from './match.ts';
import { buildSession, type PersistentSession } from './persistent-session.ts';
import {
  boundHosts,
  gatewaySession,
  mayHaveRoutes,
  servedAt,
  virtualServiceRoutes,
  type ServedAt,
} from './virtual-service-routes.ts';
import { routesForEnvoy } from './stock-routes.ts';

type IVirtualHost = envoy.config.route.v3.IVirtualHost;
const { ALL } = envoy.config.route.v3.VirtualHost.TlsRequirementType;

interface GatewayHost {
  readonly name: string;
  readonly domains: string[];
  readonly routes: ServedAt[];
  redirects: boolean;
  /** As the first VirtualService on it has it. */
  readonly session: PersistentSession | undefined;
}

/** A VirtualService that is bound to a Gateway. */
const bound = defineKey<{ readonly virtualService: ObjectKey; readonly gateway: string }>()(
  'virtualService',
  'gateway',
);
type Bound = KeyOf<typeof bound>;

/**
 * Virtual hosts of a gateway's route configuration: VirtualServices of one host share it, in order (unlike in the
 * mesh). What a VirtualService says through a Gateway is said once, as the first of the Gateway's servers here has it
 * (Istio's buildGatewayHTTPRouteConfig).
 */
const gatewayPlan = worldQuery('gateway-plan', (view, name): readonly GatewayHost[] | undefined => {
  const servers = view.query(mergedGateway, '').routes.get(name);
  if (!servers) return undefined;
  const hosts = new Map<string, GatewayHost>();
  const served = new Map<Bound, ServedAt>();
  const namespace = view.attr('namespace');
  for (const { server, gateway } of servers) {
    const port = server.port?.number ?? 0;
    const redirects = server.tls?.httpsRedirect ?? false;
    // named as the first one writes it: that another case is another host is news to Envoy
    const open = (host: string, session?: PersistentSession): GatewayHost => {
      const known = hosts.get(host.toLowerCase()) ?? {
        name: domainName(host, port),
        domains: [host],
        routes: [],
        redirects: false,
        session,
      };
      known.redirects ||= redirects;
      hosts.set(host.toLowerCase(), known);
      return known;
    };
    const hostsFor = hostsByNamespace(server);
    for (const key of view.query(virtualServicesFor, gatewayUse({ gateway, namespace }))) {
      const header = view.query(virtualServiceHeader, key);
      const shared = header ? hostsFor(header.namespace).intersect(header.hosts) : [];
      if (shared.length === 0) continue;
      const id = bound({ virtualService: key, gateway });
      const routes = served.get(id) ?? servedAt({ virtualService: key, port, gateway, tls: server.tls !== undefined });
      if (!mayHaveRoutes(view, routes)) continue;
      served.set(id, routes);
      const session = view.query(gatewaySession, boundHosts({ virtualService: key, hosts: shared }));
      for (const host of shared) open(host, session).routes.push(routes);
    }
    if (redirects) for (const host of server.hosts ?? []) open(host);
  }
  return collapse([...hosts.values()].sort((a, b) => compareSpecific(a.domains[0] ?? '', b.domains[0] ?? '')));
});

/** The hosts of a server that VirtualServices of a namespace may use, to be compared with those of many. */
function hostsByNamespace(server: GatewayServer['server']): (namespace: string) => HostIndex {
  const known = new Map<string, HostIndex>();
  return (namespace) => {
    const index = known.get(namespace) ?? new HostIndex(serverHosts(server, namespace));
    known.set(namespace, index);
    return index;
  };
}

/**
 * Hosts with the same routes share one virtual host, named after the first (Istio's collapseDuplicateRoutes, which
 * knows but the last of those that differ otherwise).
 */
function collapse(hosts: readonly GatewayHost[]): GatewayHost[] {
  const last = new Map<readonly ServedAt[], GatewayHost>();
  return hosts.filter((host) => {
    const id = internList(host.routes);
    const known = last.get(id);
    if (known?.redirects === host.redirects) {
      known.domains.push(...host.domains);
      return false;
    }
    last.set(id, host);
    return true;
  });
}

function buildVirtualHost(
  view: View,
  { name, domains, routes: served, redirects, session }: GatewayHost,
): IVirtualHost {
  const routes = served.flatMap((key) => view.query(virtualServiceRoutes, key));
  // What catches all comes last, wherever it came from.
  const ordered = [
    ...routes.filter(({ match }) => !match || !isCatchAll(match)),
    ...routes.filter(({ match }) => match && isCatchAll(match)),
  ];
  return {
    name,
    domains,
    routes: routesForEnvoy(view, ordered),
    includeRequestAttemptCount: true,
    ...(redirects ? { requireTls: ALL } : {}),
    ...buildSession(session),
  };
}

/** The virtual hosts by their names, each of which is asked for. */
const gatewayHosts = worldQuery(
  'gateway-hosts',
  (view, configuration): ReadonlyMap<string, GatewayHost> =>
    new Map((view.query(gatewayPlan, configuration) ?? []).map((host) => [host.name, host])),
);

const hostOfGateway = defineKey<{ readonly host: string; readonly configuration: string }>()('host', 'configuration');
const gatewayVirtualHost = worldQuery(
  'gateway-virtual-host',
  (view, { host: hostName, configuration }: KeyOf<typeof hostOfGateway>): XdsResource | undefined => {
    const host = view.query(gatewayHosts, configuration).get(hostName);
    return host && encodeVirtualHost(buildVirtualHost(view, host));
  },
  { equals: sameResource },
);

const buildBlackhole = (name: string): IVirtualHost => ({ name, domains: ['*'] });
/** Key: its name. */
const blackholeHost = worldQuery(
  'gateway-blackhole-host',
  (_view, name): XdsResource => encodeVirtualHost(buildBlackhole(name)),
  { equals: sameResource },
);

/** A gateway's route configuration; without any VirtualService it answers 404 to everything. */
export const gatewayRouteConfiguration = worldQuery(
  'gateway-route-configuration',
  (view, name): XdsResource | undefined => {
    const plan = view.query(gatewayPlan, name);
    if (!plan) return undefined;
    const hosts = [...plan].sort(byName).map((host): VirtualHostPart => ({
      encoded: part(host.name, gatewayVirtualHost, hostOfGateway({ host: host.name, configuration: name })),
      message: () => buildVirtualHost(view, host),
    }));
    if (hosts.length > 0) return finishRouteConfiguration(view, { name, hosts });
    const port = view.query(mergedGateway, '').routes.get(name)?.[0]?.server.port?.number ?? 0;
    const blackhole = domainName('blackhole', port);
    return finishRouteConfiguration(view, {
      name,
      hosts: [{ encoded: part(blackhole, blackholeHost, blackhole), message: () => buildBlackhole(blackhole) }],
    });
  },
  { equals: sameResource },
);
