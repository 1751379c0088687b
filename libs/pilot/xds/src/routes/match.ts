import { compareText } from '@flotilla/std';
import type { HTTPMatchRequest, StringMatch } from '@flotilla/model';
import { bool, type envoy } from '@flotilla/proto-gen/envoy';
import { routingClaim } from '@flotilla/rules';

type IRouteMatch = envoy.config.route.v3.IRouteMatch;
type IHeaderMatcher = envoy.config.route.v3.IHeaderMatcher;
type IMetadataMatcher = envoy.type.matcher.v3.IMetadataMatcher;
type IStringMatcher = envoy.type.matcher.v3.IStringMatcher;

/** A StringMatch as Envoy's; undefined for an empty one. */
export function buildStringMatcher(match: StringMatch | undefined): IStringMatcher | undefined {
  if (match?.exact !== undefined) return { exact: match.exact };
  if (match?.prefix !== undefined) return { prefix: match.prefix };
  if (match?.regex !== undefined) return { safeRegex: { regex: match.regex } };
  return undefined;
}

const isPresenceOnly = (match: StringMatch | undefined): boolean => match === undefined || match.regex === '*';

function buildHeaderMatcher(name: string, match: StringMatch | undefined): IHeaderMatcher {
  if (isPresenceOnly(match)) return { name, presentMatch: true };
  const stringMatch = buildStringMatcher(match);
  return stringMatch ? { name, stringMatch } : { name };
}

/** A claim as a matcher of what istio_authn leaves in dynamic metadata; undefined for a header. */
function buildClaimMatcher(name: string, match: StringMatch | undefined): IMetadataMatcher | undefined {
  const path = routingClaim(name);
  if (!path) return undefined;
  const value = buildStringMatcher(match) ?? {};
  return {
    filter: 'istio_authn',
    path: ['request.auth.claims', ...path].map((key) => ({ key })),
    value: { listMatch: { oneOf: { stringMatch: value } } },
  };
}

/** Envoy's match for one HTTPMatchRequest; without one, every path. Rules: Istio's translateRouteMatch. */
export function buildRouteMatch(match: HTTPMatchRequest | undefined): IRouteMatch {
  if (!match) return { prefix: '/' };
  const headers: IHeaderMatcher[] = [];
  const dynamicMetadata: IMetadataMatcher[] = [];
  for (const [matches, invert] of [
    [match.headers ?? {}, false],
    [match.withoutHeaders ?? {}, true],
  ] as const) {
    for (const [name, value] of Object.entries(matches).sort(([a], [b]) => compareText(a, b))) {
      const claim = buildClaimMatcher(name, value);
      if (claim) dynamicMetadata.push(invert ? { ...claim, invert } : claim);
      else
        headers.push(
          invert ? { ...buildHeaderMatcher(name, value), invertMatch: true } : buildHeaderMatcher(name, value),
        );
    }
  }
  headers.sort((a, b) => compareText(a.name ?? '', b.name ?? ''));
  for (const [name, value] of [
    [':method', match.method],
    [':authority', match.authority],
    [':scheme', match.scheme],
  ] as const) {
    if (value) headers.push(buildHeaderMatcher(name, value));
  }
  const queryParameters = Object.entries(match.queryParams ?? {})
    .sort(([a], [b]) => compareText(a, b))
    .map(([name, value]) => {
      const stringMatch = buildStringMatcher(value);
      return isPresenceOnly(value) ? { name, presentMatch: true } : stringMatch ? { name, stringMatch } : { name };
    });
  return {
    ...pathOf(match.uri),
    caseSensitive: bool(!match.ignoreUriCase),
    ...(headers.length > 0 ? { headers } : {}),
    ...(queryParameters.length > 0 ? { queryParameters } : {}),
    ...(dynamicMetadata.length > 0 ? { dynamicMetadata } : {}),
  };
}

function pathOf(uri: StringMatch | undefined): Pick<IRouteMatch, 'prefix' | 'path' | 'safeRegex'> {
  if (uri?.exact !== undefined) return { path: uri.exact };
  if (uri?.regex !== undefined) return { safeRegex: { regex: uri.regex } };
  return { prefix: uri?.prefix ?? '/' };
}

/** Nothing after such a route is ever reached: prefix `/` alone, no other condition. */
export const isCatchAll = (match: IRouteMatch): boolean =>
  match.prefix === '/' && !match.headers?.length && !match.queryParameters?.length && !match.dynamicMetadata?.length;
