import type { HTTPMatchRequest, ObjectKey } from '@flotilla/model';
import { defineKey, type KeyOf } from '@flotilla/query';
import type { Service } from '@flotilla/pilot-registry';
import {
  isSelected,
  ownerOf,
  serviceForHost,
  serviceOf,
  setting,
  virtualServiceOf,
  exportedOfHost,
  worldQuery,
  type View,
} from '@flotilla/pilot-world';
import type { envoy } from '@flotilla/proto-gen/envoy';
import { hashPoliciesOf } from './hash-policy.ts';
import { isCatchAll } from './match.ts';
import { sessionOf, type PersistentSession } from './persistent-session.ts';
import { buildRoute, type RouteContext } from './route.ts';

interface ServedFields {
  readonly virtualService: ObjectKey;
  readonly port: number;
  /** `mesh` or `namespace/name`. */
  readonly gateway: string;
  readonly tls: boolean;
}
/** Where the routes of a VirtualService are served. */
export const servedAt = defineKey<ServedFields>()('virtualService', 'gateway', 'port', 'tls');
export type ServedAt = KeyOf<typeof servedAt>;

/**
 * The routes of a VirtualService for this proxy, in order, up to the first that catches all (Istio's
 * BuildHTTPRoutesForVirtualService). Empty when none of its rules is for this proxy, port and gateway.
 */
export const virtualServiceRoutes = worldQuery(
  'virtual-service-routes',
  (view, { virtualService: key, port, gateway, tls }: ServedAt): readonly envoy.config.route.v3.IRoute[] => {
    const virtualService = view.query(virtualServiceOf, key);
    if (!virtualService) return [];
    const retries = setting(view, 'defaultHttpRetryPolicy');
    const context: RouteContext = {
      virtualService,
      port,
      tls,
      ...(retries ? { defaultRetries: retries } : {}),
      // A sidecar's listener shows of each service just the listener's port.
      singlePort: (host) =>
        gateway === 'mesh' && port !== 0
          ? undefined
          : onlyPort(
              gateway === 'mesh'
                ? serviceForHost(view, host)
                : gatewayService(view, host, virtualService.meta.namespace),
            ),
      hashPolicies: (destination) => hashPoliciesOf(view, destination),
    };
    const routes: envoy.config.route.v3.IRoute[] = [];
    for (const http of virtualService.spec.http ?? []) {
      const matches: (HTTPMatchRequest | undefined)[] = http.match?.length ? [...http.match] : [undefined];
      for (const match of matches) {
        if (match && !isForProxy(view, match, { port, gateway })) continue;
        const route = buildRoute(http, match, context);
        routes.push(route);
        if (route.match && isCatchAll(route.match)) return routes;
      }
    }
    return routes;
  },
);

/** The port of a service that has but one. */
function onlyPort(service: Service | undefined): number | undefined {
  const ports = service?.ports ?? [];
  return ports.length === 1 ? ports[0]?.port : undefined;
}

/**
 * What a gateway takes a destination for: the service of the VirtualService's own namespace, where the gateway sees
 * that (Istio's buildNameToServiceMapForHTTPRoutes).
 */
function gatewayService(view: View, host: string, namespace: string): Service | undefined {
  const own = ownerOf(exportedOfHost(view, host).filter((header) => header.namespace === namespace));
  return own ? view.query(serviceOf, own.key) : serviceForHost(view, host);
}

interface BoundHostsFields {
  readonly virtualService: ObjectKey;
  /** Those of its hosts that a gateway's server has. */
  readonly hosts: readonly string[];
}
export const boundHosts = defineKey<BoundHostsFields>()('virtualService', 'hosts');

/**
 * How a gateway keeps sessions of the hosts of a VirtualService: as the service of that name says, where one of its
 * rules leads or mirrors to it; of several the last (Istio's buildGatewayHTTPRouteConfig).
 */
export const gatewaySession = worldQuery(
  'gateway-session',
  (view, { virtualService: key, hosts }: KeyOf<typeof boundHosts>): PersistentSession | undefined => {
    const virtualService = view.query(virtualServiceOf, key);
    const destinations = new Set(
      (virtualService?.spec.http ?? []).flatMap(({ mirror, route = [] }) =>
        [mirror, ...route.map(({ destination }) => destination)].flatMap((destination) => destination?.host ?? []),
      ),
    );
    const last = hosts.findLast((host) => destinations.has(host));
    const service = last === undefined ? undefined : gatewayService(view, last, key.namespace);
    return service && sessionOf(service);
  },
);

/**
 * Whether a match names this port, and this gateway or, where it names none, what this proxy is (Istio's
 * sourceMatchHTTP).
 */
function isForProxy(view: View, match: HTTPMatchRequest, at: { port: number; gateway: string }): boolean {
  if (match.port && match.port !== at.port) return false;
  if (match.gateways?.length) return match.gateways.includes(at.gateway);
  return (
    isSelected(view, match.sourceLabels) && (!match.sourceNamespace || match.sourceNamespace === view.attr('namespace'))
  );
}

const hasRoutes = worldQuery(
  'has-routes',
  (view, served: ServedAt): boolean => view.query(virtualServiceRoutes, served).length > 0,
);

/** Routes that fail cost their own virtual hosts, and do not give these to somebody else. */
export function mayHaveRoutes(view: View, served: ServedAt): boolean {
  const has = view.attempt(hasRoutes, served);
  return 'error' in has || has.value;
}
