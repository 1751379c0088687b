import { mesh, setting, sidecarResource, worldQuery, type View } from '@flotilla/pilot-world';
import { duration, type envoy } from '@flotilla/proto-gen/envoy';
import { withStockAlpn } from '../filters/stock-alpn.ts';
import { encodeVirtualHost, finishRouteConfiguration, type VirtualHostPart } from '../finish/route-configuration.ts';
import { sameResource, type XdsResource } from '../resource.ts';
import { byName } from './domains.ts';
import { buildHashPolicies } from './hash-policy.ts';
import { buildDefaultRoute, clusterName } from './route.ts';
import { sidecarPlan, parseRouteName, type PlannedHost } from './sidecar-plan.ts';
import { virtualServiceRoutes } from './virtual-service-routes.ts';

type IRoute = envoy.config.route.v3.IRoute;
type IVirtualHost = envoy.config.route.v3.IVirtualHost;

/** The virtual host that a plan asks for. */
function buildVirtualHost(view: View, { name, domains, routes }: PlannedHost): IVirtualHost {
  const built =
    'virtualService' in routes ? view.query(virtualServiceRoutes, routes.virtualService) : [defaultRoute(view, routes)];
  return { name, domains: [...domains], routes: withStockAlpn(view, built), includeRequestAttemptCount: true };
}

function defaultRoute(
  view: View,
  { cluster, operation, hash }: Exclude<PlannedHost['routes'], { virtualService: string }>,
): IRoute {
  const retries = setting(view, 'defaultHttpRetryPolicy');
  return buildDefaultRoute(cluster, operation, {
    ...(retries ? { retries } : {}),
    hashPolicy: buildHashPolicies(hash),
  });
}

/**
 * One virtual host, encoded: a changed VirtualService encodes its own again and no other. Key: the PlannedHost as JSON,
 * so that all who plan the same share it.
 */
const virtualHost = worldQuery(
  'virtual-host',
  (view, key): XdsResource => encodeVirtualHost(buildVirtualHost(view, JSON.parse(key) as PlannedHost)),
  { equals: sameResource },
);

/** The virtual hosts of a route configuration as keys, in the order of their names. */
const virtualHostKeys = worldQuery('virtual-host-keys', (view, name): readonly string[] | undefined => {
  const planned = view.query(sidecarPlan, name);
  return planned && [...planned].sort(byName).map((host) => JSON.stringify(host));
});

/** What becomes of requests to hosts that nobody knows: outboundTrafficPolicy of the Sidecar, else of the mesh. */
function buildCatchAllHost(view: View): IVirtualHost {
  const policy = sidecarResource(view)?.spec.outboundTrafficPolicy ?? view.query(mesh, '').outboundTrafficPolicy;
  const open = policy?.mode === 'ALLOW_ANY';
  const name = open ? 'allow_any' : 'block_all';
  const egress = policy?.egressProxy;
  const cluster = egress?.host
    ? clusterName('outbound', { host: egress.host, subset: egress.subset, port: egress.port?.number ?? 0 })
    : 'PassthroughCluster';
  const route: IRoute = {
    name,
    match: { prefix: '/' },
    ...(open
      ? { route: { cluster, timeout: duration(0), maxGrpcTimeout: duration(0) } }
      : { directResponse: { status: 502 } }),
  };
  return { name, domains: ['*'], routes: [route], includeRequestAttemptCount: true };
}

const catchAllHost = worldQuery('catch-all-host', (view): XdsResource => encodeVirtualHost(buildCatchAllHost(view)), {
  equals: sameResource,
});

/** A sidecar's outbound route configuration. Undefined for a name that no listener of it has. */
export const sidecarRouteConfiguration = worldQuery(
  'sidecar-route-configuration',
  (view, name): XdsResource | undefined => {
    const keys = view.query(virtualHostKeys, name);
    if (!keys) return undefined;
    const hosts = keys.map((key): VirtualHostPart => ({
      encoded: () => view.query(virtualHost, key),
      message: () => buildVirtualHost(view, JSON.parse(key) as PlannedHost),
    }));
    if (!parseRouteName(name)?.sniffed)
      hosts.push({ encoded: () => view.query(catchAllHost, ''), message: () => buildCatchAllHost(view) });
    return finishRouteConfiguration(view, { name, hosts });
  },
  { equals: sameResource },
);
