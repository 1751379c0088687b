import { mesh, setting, sidecarResource, worldQuery } from '@flotilla/pilot-world';
import { duration, type envoy } from '@flotilla/proto-gen/envoy';
import { withStockAlpn } from '../filters/stock-alpn.ts';
import { sameResource, xdsResource, type XdsResource } from '../resource.ts';
import { byName } from './domains.ts';
import { hashPoliciesOf } from './hash-policy.ts';
import { buildDefaultRoute, clusterName } from './route.ts';
import { assembleRouteConfiguration, virtualHostBytes } from './assemble.ts';
import { sidecarPlan, parseRouteName, type PlannedHost } from './sidecar-plan.ts';
import { virtualServiceRoutes } from './virtual-service-routes.ts';

/** One virtual host, encoded: a changed VirtualService encodes its own again and no other. Key: route configuration and virtual host, `name|host`. */
const plannedHost = worldQuery('planned-host', (view, key): PlannedHost | undefined => {
  const bar = key.indexOf('|');
  return view.query(sidecarPlan, key.slice(0, bar))?.find(({ name }) => name === key.slice(bar + 1));
});

const sidecarVirtualHost = worldQuery('sidecar-virtual-host', (view, key): XdsResource | undefined => {
  const planned = view.query(plannedHost, key);
  if (!planned) return undefined;
  const { routes } = planned;
  const built = 'virtualService' in routes ? view.query(virtualServiceRoutes, routes.virtualService) : [defaultRoute(routes.cluster, routes.operation)];
  function defaultRoute(cluster: string, operation: string): envoy.config.route.v3.IRoute {
    const [, port, subset, host] = cluster.split('|') as [string, string, string, string];
    const retries = setting(view, 'defaultHttpRetryPolicy');
    return buildDefaultRoute(cluster, operation, { ...(retries ? { retries } : {}), hashPolicy: hashPoliciesOf(view, { host, subset }, Number(port)) });
  }
  return xdsResource(planned.name, virtualHostBytes({ name: planned.name, domains: [...planned.domains], routes: withStockAlpn(view, built), includeRequestAttemptCount: true }));
}, { equals: sameResource });

/** What becomes of requests to hosts that nobody knows: outboundTrafficPolicy of the Sidecar, else of the mesh. */
const catchAllHost = worldQuery('catch-all-host', (view): XdsResource => {
  const policy = sidecarResource(view)?.spec.outboundTrafficPolicy ?? view.query(mesh, '').outboundTrafficPolicy;
  const open = policy?.mode === 'ALLOW_ANY';
  const name = open ? 'allow_any' : 'block_all';
  const egress = policy?.egressProxy;
  const cluster = egress?.host ? clusterName('outbound', { host: egress.host, subset: egress.subset, port: egress.port?.number ?? 0 }) : 'PassthroughCluster';
  const route: envoy.config.route.v3.IRoute = {
    name, match: { prefix: '/' },
    ...(open ? { route: { cluster, timeout: duration(0), maxGrpcTimeout: duration(0) } } : { directResponse: { status: 502 } }),
  };
  return xdsResource(name, virtualHostBytes({ name, domains: ['*'], routes: [route], includeRequestAttemptCount: true }));
}, { equals: sameResource });

/** A sidecar's outbound route configuration, by concatenating its virtual hosts. Undefined for a name that no listener of it has. */
export const sidecarRouteConfiguration = worldQuery('sidecar-route-configuration', (view, name): XdsResource | undefined => {
  const planned = view.query(sidecarPlan, name);
  if (!planned) return undefined;
  const hosts = [...planned].sort(byName).flatMap((host) => view.query(sidecarVirtualHost, `${name}|${host.name}`) ?? []);
  if (!parseRouteName(name)?.sniffed) hosts.push(view.query(catchAllHost, ''));
  return assembleRouteConfiguration(name, hosts);
}, { equals: sameResource });
