import { portNumbered } from '@flotilla/pilot-registry';
import { destinationRule, serviceForHost, setting, worldQuery, type View } from '@flotilla/pilot-world';
import { envoy } from '@flotilla/proto-gen/envoy';
import { parseOutboundName } from '../cluster-name.ts';
import { outboundProtocol } from '../clusters/build.ts';
import { mergeTrafficPolicy } from '../clusters/traffic-policy.ts';
import { typedConfig } from '../finish/typed-config.ts';

type IRoute = envoy.config.route.v3.IRoute;
const { Config } = envoy.extensions.filters.http.set_filter_state.v3;
const name = 'envoy.filters.http.set_filter_state';
const { ONCE } = envoy.extensions.filters.common.set_filter_state.v3.FilterStateValue.SharedWithUpstream;

/**
 * What a stock Envoy has in place of istio.alpn: routes tell it what to offer upstream, so that the mesh's servers can
 * tell HTTP by it. Without that, HTTP on a port of undeclared protocol would arrive in the server's TCP chain, and
 * HTTP-level policies would refuse it.
 */
export const stockAlpn: envoy.extensions.filters.network.http_connection_manager.v3.IHttpFilter = {
  name,
  typedConfig: typedConfig(Config, {}),
};

const http1 = 'istio-http/1.1,istio,http/1.1';
const http2 = 'istio-h2,istio,h2';
const offers = { http1, http2, downstream: `%CEL(request.protocol == "HTTP/2" ? "${http2}" : "${http1}")%` } as const;

const perRoute = (inlineString: string): NonNullable<IRoute['typedPerFilterConfig']> => ({
  [name]: typedConfig(Config, {
    onRequestHeaders: [
      {
        objectKey: 'envoy.network.application_protocols',
        formatString: { textFormatSource: { inlineString } },
        sharedWithUpstream: ONCE,
      },
    ],
  }),
});

/**
 * The ALPN for requests to an outbound cluster; '' where the mesh's means nothing: unknown clusters, and TLS that a
 * rule gives. Key: the cluster's name.
 */
const alpnOf = worldQuery('stock-alpn', (view, cluster): string => {
  const named = parseOutboundName(cluster);
  const service = named && serviceForHost(view, named.host);
  const port = service && portNumbered(service, named.port);
  if (!service || !port) return '';
  const rule = destinationRule(view, service)?.rule;
  const base = mergeTrafficPolicy(undefined, rule?.trafficPolicy, port.port);
  const own = rule?.subsets?.find((each) => each.name === named?.subset);
  const policy = own ? mergeTrafficPolicy(base, own.trafficPolicy, port.port) : base;
  if (policy?.tls?.mode === 'SIMPLE' || policy?.tls?.mode === 'MUTUAL') return '';
  const pool = policy?.connectionPool ?? {};
  return offers[
    outboundProtocol(port, {
      pool,
      sniffs: view.attr('type') !== 'router',
      meshUpgrades: setting(view, 'h2UpgradePolicy') === 'UPGRADE',
    })
  ];
});

const withPerRoute = <T extends Pick<IRoute, 'typedPerFilterConfig'>>(
  view: View,
  to: T,
  cluster: string | null | undefined,
): T => {
  const alpn = cluster ? view.query(alpnOf, cluster) : '';
  return alpn === '' ? to : { ...to, typedPerFilterConfig: { ...perRoute(alpn), ...to.typedPerFilterConfig } };
};

/** The routes of a stock Envoy, each with the ALPN of where it leads. */
export function withStockAlpn(view: View, routes: readonly IRoute[]): IRoute[] {
  return routes.map((route) => {
    const { cluster, weightedClusters } = route.route ?? {};
    if (!weightedClusters?.clusters) return withPerRoute(view, route, cluster);
    const clusters = weightedClusters.clusters.map((each) => withPerRoute(view, each, each.name));
    return { ...route, route: { ...route.route, weightedClusters: { ...weightedClusters, clusters } } };
  });
}
