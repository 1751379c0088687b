import type { envoy } from '@flotilla/proto-gen/envoy';
import type { View } from '@flotilla/pilot-world';
import { withStockAlpn } from '../filters/stock-alpn.ts';

type IRoute = envoy.config.route.v3.IRoute;
type IMetadataMatcher = envoy.type.matcher.v3.IMetadataMatcher;

/**
 * The routes as this Envoy takes them: Istio's own gets what Istio sends. A stock one gets the ALPN of where each route
 * leads, and for a claim without a pattern that the claim is present: Istio sends an empty pattern, for which Envoy
 * refuses the whole route configuration.
 */
export function routesForEnvoy(view: View, routes: readonly IRoute[]): IRoute[] {
  if (view.attr('istioExtensions')) return [...routes];
  return withStockAlpn(view, routes).map((route) => {
    const dynamicMetadata = route.match?.dynamicMetadata;
    return dynamicMetadata?.some(isEmpty)
      ? {
          ...route,
          match: {
            ...route.match,
            dynamicMetadata: dynamicMetadata.map((claim) =>
              isEmpty(claim) ? { ...claim, value: { presentMatch: true } } : claim,
            ),
          },
        }
      : route;
  });
}

const isEmpty = ({ value }: IMetadataMatcher): boolean => {
  const pattern = value?.listMatch?.oneOf?.stringMatch;
  return pattern !== undefined && pattern !== null && Object.keys(pattern).length === 0;
};
