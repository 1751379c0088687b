import { mesh, setting, sidecarResource, worldQuery, type View } from '@flotilla/pilot-world';
import { duration, type envoy } from '@flotilla/proto-gen/envoy';
import { part } from '../finish/parts.ts';
import { encodeVirtualHost, finishRouteConfiguration, type VirtualHostPart } from '../finish/route-configuration.ts';
import { sameResource, type XdsResource } from '../resource.ts';
import { byName, domainName } from './domains.ts';
import { hashPoliciesOfRule } from './hash-policy.ts';
import { buildSession } from './persistent-session.ts';
import { buildDefaultRoute } from './route.ts';
import { clusterName } from '../cluster-name.ts';
import { sidecarPlan, parseRouteName, type PlannedHost, type ServiceRoutes } from './sidecar-plan.ts';
import { virtualServiceRoutes } from './virtual-service-routes.ts';
import { routesForEnvoy } from './stock-routes.ts';

type IRoute = envoy.config.route.v3.IRoute;
type IVirtualHost = envoy.config.route.v3.IVirtualHost;

/** The virtual host of a plan. */
function buildVirtualHost(view: View, { name, domains, routes, session }: PlannedHost): IVirtualHost {
  const built = 'virtualService' in routes ? view.query(virtualServiceRoutes, routes) : [defaultRoute(view, routes)];
  return {
    name,
    domains: [...domains],
    routes: routesForEnvoy(view, built),
    includeRequestAttemptCount: true,
    ...buildSession(session),
  };
}

function defaultRoute(view: View, { hostname, port, hashRule }: ServiceRoutes): IRoute {
  const retries = setting(view, 'defaultHttpRetryPolicy');
  return buildDefaultRoute(clusterName('outbound', { port, host: hostname }), domainName(hostname, port), {
    ...(retries ? { retries } : {}),
    hashPolicy: hashPoliciesOfRule(view, hashRule, port),
  });
}

/**
 * One virtual host, encoded: a changed VirtualService encodes its own again and no other. All who plan the same share
 * it.
 */
const virtualHost = worldQuery(
  'virtual-host',
  (view, planned: PlannedHost): XdsResource => encodeVirtualHost(buildVirtualHost(view, planned)),
  { equals: sameResource },
);

/** What becomes of requests to hosts that nobody knows: outboundTrafficPolicy of the Sidecar, else of the mesh. */
function buildCatchAllHost(view: View): IVirtualHost {
  const policy = sidecarResource(view)?.spec.outboundTrafficPolicy;
  const open = (policy ?? view.query(mesh, '').outboundTrafficPolicy)?.mode === 'ALLOW_ANY';
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
    const plan = view.query(sidecarPlan, name);
    if (!plan) return undefined;
    const hosts = [...plan].sort(byName).map((planned): VirtualHostPart => ({
      encoded: part(planned.name, virtualHost, planned),
      message: () => buildVirtualHost(view, planned),
    }));
    if (!parseRouteName(name)?.sniffed)
      hosts.push({ encoded: part('*', catchAllHost, ''), message: () => buildCatchAllHost(view) });
    return finishRouteConfiguration(view, { name, hosts });
  },
  { equals: sameResource },
);
