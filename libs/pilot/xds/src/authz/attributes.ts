import { parsePort } from '@flotilla/std';
import type { envoy } from '@flotilla/proto-gen/envoy';
import {
  bracketed,
  cidr,
  headerMatch,
  hostMatch,
  inBrackets,
  metadataListMatch,
  metadataMatch,
  namespaceMatch,
  stringMatch,
} from './matchers.ts';
import { stockClaim, stockRequestPrincipal } from './stock.ts';

export type IPermission = envoy.config.rbac.v3.IPermission;
export type IPrincipal = envoy.config.rbac.v3.IPrincipal;

/** What the matches are made for. */
export interface Target {
  readonly tcp: boolean;
  /**
   * False for a stock Envoy, with the issuers whose tokens it takes: it lacks istio_authn, so identities come from TLS
   * and from jwt_authn.
   */
  readonly istioEnvoy: boolean;
  /** Where the peer's identity is read: as Istio's network filter notes it, or from the certificate. */
  readonly peerFrom: 'filter state' | 'certificate';
  readonly issuers: readonly string[];
}
/** How one value of an attribute is matched; undefined when it can't be: a bad value, or one that bytes don't have. */
type Matcher<T> = (value: string, target: Target) => T | undefined;
export type Attribute =
  | { readonly side: 'permission'; readonly match: Matcher<IPermission> }
  | { readonly side: 'principal'; readonly match: Matcher<IPrincipal> };

const permission = (match: Matcher<IPermission>): Attribute => ({ side: 'permission', match });
const principal = (match: Matcher<IPrincipal>): Attribute => ({ side: 'principal', match });
const httpOnly =
  <T>(match: Matcher<T>): Matcher<T> =>
  (value, target) =>
    target.tcp ? undefined : match(value, target);

const peer = (match: envoy.type.matcher.v3.IStringMatcher, { peerFrom }: Target): IPrincipal =>
  peerFrom === 'filter state'
    ? { filterState: { key: 'io.istio.peer_principal', stringMatch: match } }
    : { authenticated: { principalName: match } };

function range<T>(wrap: (of: envoy.config.core.v3.ICidrRange) => T): Matcher<T> {
  return (value) => {
    const found = cidr(value);
    return found && wrap(found);
  };
}

const claim = (path: readonly string[], list: boolean): Matcher<IPrincipal> =>
  httpOnly((value, target) => {
    const [first = '', ...rest] = path;
    if (!target.istioEnvoy)
      return stockClaim(
        target.issuers,
        first === 'request.auth.claims' ? rest : [first === 'request.auth.audiences' ? 'aud' : 'azp'],
        value,
      );
    return { metadata: (list ? metadataListMatch : metadataMatch)('istio_authn', path, stringMatch(value)) };
  });

const fixed: Readonly<Record<string, Attribute>> = {
  'destination.ip': permission(range((destinationIp) => ({ destinationIp }))),
  'destination.port': permission((value) => {
    const destinationPort = parsePort(value);
    return destinationPort === undefined ? undefined : { destinationPort };
  }),
  'connection.sni': permission((value) => ({ requestedServerName: stringMatch(value) })),
  host: permission(httpOnly((value) => ({ header: hostMatch(value) }))),
  path: permission(httpOnly((value) => ({ urlPath: { path: stringMatch(value) } }))),
  method: permission(httpOnly((value) => ({ header: headerMatch(':method', value) }))),
  'source.ip': principal(range((directRemoteIp) => ({ directRemoteIp }))),
  'remote.ip': principal(range((remoteIp) => ({ remoteIp }))),
  'source.namespace': principal((value, target) => peer(namespaceMatch(value), target)),
  'source.principal': principal((value, target) => peer(stringMatch(value, 'spiffe://'), target)),
  'request.auth.principal': principal(
    httpOnly((value, { istioEnvoy, issuers }) =>
      istioEnvoy
        ? { metadata: metadataMatch('istio_authn', ['request.auth.principal'], stringMatch(value)) }
        : stockRequestPrincipal(issuers, value),
    ),
  ),
  'request.auth.audiences': principal(claim(['request.auth.audiences'], false)),
  'request.auth.presenter': principal(claim(['request.auth.presenter'], false)),
};

const never = (): undefined => undefined;

/**
 * The attribute that a condition's key names (Istio "Authorization Policy Conditions"; `host`, `path` and `method`
 * stand for those of operations).
 */
export function attributeOf(key: string): Attribute | undefined {
  const known = Object.hasOwn(fixed, key) ? fixed[key] : undefined;
  if (known) return known;
  if (key.startsWith('request.headers')) {
    const header = inBrackets(key.slice('request.headers'.length));
    return principal(header === undefined ? never : httpOnly((value) => ({ header: headerMatch(header, value) })));
  }
  if (key.startsWith('request.auth.claims')) {
    const names = bracketed(key.slice('request.auth.claims'.length));
    return principal(names ? claim(['request.auth.claims', ...names], true) : never);
  }
  if (key.startsWith('experimental.envoy.filters.'))
    return permission(filterMetadata(key.slice('experimental.'.length)));
  return undefined;
}

function filterMetadata(key: string): Matcher<IPermission> {
  const open = key.indexOf('[');
  if (open < 0) return never;
  const [filter, path] = [key.slice(0, open), [key.slice(open + 1).replace(/\]$/, '')]];
  return (value) => {
    const list = value.startsWith('[') && value.endsWith(']');
    return {
      metadata: list
        ? metadataListMatch(filter, path, stringMatch(value.slice(1, -1)))
        : metadataMatch(filter, path, stringMatch(value)),
    };
  };
}
