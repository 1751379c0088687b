import { mesh, setting, sidecarResource, worldQuery } from '@flotilla/pilot-world';
import { duration, type envoy } from '@flotilla/proto-gen/envoy';
import { withStockAlpn } from '../filters/stock-alpn.ts';
import { sameResource, xdsResource, type XdsResource } from '../resource.ts';
import { byName } from './domains.ts';
import { buildHashPolicies } from './hash-policy.ts';
import { buildDefaultRoute, clusterName } from './route.ts';
import { assembleRouteConfiguration, virtualHostBytes } from './assemble.ts';
import { sidecarPlan, parseRouteName, type PlannedHost } from './sidecar-plan.ts';
import { virtualServiceRoutes } from './virtual-service-routes.ts';

/**
 * One virtual host, encoded: a changed VirtualService encodes its own again and no other. Key: the PlannedHost as JSON,
 * so that all who plan the same share it.
 */
const virtualHost = worldQuery(
  'virtual-host',
  (view, key): XdsResource => {
    const { name, domains, routes } = JSON.parse(key) as PlannedHost;
    const built =
      'virtualService' in routes ? view.query(virtualServiceRoutes, routes.virtualService) : [defaultRoute(routes)];
    function defaultRoute({
      cluster,
      operation,
      hash,
    }: Exclude<PlannedHost['routes'], { virtualService: string }>): envoy.config.route.v3.IRoute {
      const retries = setting(view, 'defaultHttpRetryPolicy');
      return buildDefaultRoute(cluster, operation, {
        ...(retries ? { retries } : {}),
        hashPolicy: buildHashPolicies(hash),
      });
    }
    return xdsResource(
      name,
      virtualHostBytes({
        name,
        domains: [...domains],
        routes: withStockAlpn(view, built),
        includeRequestAttemptCount: true,
      }),
    );
  },
  { equals: sameResource },
);

/** The virtual hosts of a route configuration as keys, in the order of their names. */
const virtualHostKeys = worldQuery('virtual-host-keys', (view, name): readonly string[] | undefined => {
  const planned = view.query(sidecarPlan, name);
  return planned && [...planned].sort(byName).map((host) => JSON.stringify(host));
});

/** What becomes of requests to hosts that nobody knows: outboundTrafficPolicy of the Sidecar, else of the mesh. */
const catchAllHost = worldQuery(
  'catch-all-host',
  (view): XdsResource => {
    const policy = sidecarResource(view)?.spec.outboundTrafficPolicy ?? view.query(mesh, '').outboundTrafficPolicy;
    const open = policy?.mode === 'ALLOW_ANY';
    const name = open ? 'allow_any' : 'block_all';
    const egress = policy?.egressProxy;
    const cluster = egress?.host
      ? clusterName('outbound', { host: egress.host, subset: egress.subset, port: egress.port?.number ?? 0 })
      : 'PassthroughCluster';
    const route: envoy.config.route.v3.IRoute = {
      name,
      match: { prefix: '/' },
      ...(open
        ? { route: { cluster, timeout: duration(0), maxGrpcTimeout: duration(0) } }
        : { directResponse: { status: 502 } }),
    };
    return xdsResource(
      name,
      virtualHostBytes({ name, domains: ['*'], routes: [route], includeRequestAttemptCount: true }),
    );
  },
  { equals: sameResource },
);

/**
 * A sidecar's outbound route configuration, by concatenating its virtual hosts. Undefined for a name that no listener
 * of it has.
 */
export const sidecarRouteConfiguration = worldQuery(
  'sidecar-route-configuration',
  (view, name): XdsResource | undefined => {
    const keys = view.query(virtualHostKeys, name);
    if (!keys) return undefined;
    const hosts = keys.map((key) => view.query(virtualHost, key));
    if (!parseRouteName(name)?.sniffed) hosts.push(view.query(catchAllHost, ''));
    return assembleRouteConfiguration(name, hosts);
  },
  { equals: sameResource },
);
