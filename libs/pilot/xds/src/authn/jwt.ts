import { compareText } from '@flotilla/std';
import type { JWTRule } from '@flotilla/model';
import { keyOriginOf, keySetOf, rootNamespace, worldQuery, type View } from '@flotilla/pilot-world';
import { duration, envoy, istio } from '@flotilla/proto-gen/envoy';
import { hasUsableKey } from '@flotilla/rules';
import { clusterName } from '../cluster-name.ts';
import { selecting } from '../authz/policies.ts';
import { typedConfig } from '../finish/typed-config.ts';
import { unfetched, unverifiable } from './jwks.ts';

type IHttpFilter = envoy.extensions.filters.network.http_connection_manager.v3.IHttpFilter;
type IJwtProvider = envoy.extensions.filters.http.jwt_authn.v3.IJwtProvider;
type IJwtRequirement = envoy.extensions.filters.http.jwt_authn.v3.IJwtRequirement;

/**
 * The tokens that the proxy's RequestAuthentications take: its namespace's before the root's, then in order of issuers;
 * one issuer may come twice.
 */
export const jwtRules = worldQuery('jwt-rules', (view): readonly JWTRule[] =>
  [...new Set([view.attr('namespace'), rootNamespace(view)])]
    .flatMap((namespace) => selecting(view, 'request-authentications', namespace))
    .flatMap(({ spec }) => spec.jwtRules ?? [])
    .sort((a, b) => compareText(a.issuer ?? '', b.issuer ?? '')),
);

export const jwtIssuers = worldQuery('jwt-issuers', (view): readonly string[] => [
  ...new Set(view.query(jwtRules, '').map(({ issuer }) => issuer ?? '')),
]);

/** As Istio has them, in seconds. */
const [remoteTimeout, remoteCache] = [5, 300];

/**
 * A rule's keys, or where Envoy fetches them; for keys that are not there, some that refuse the rule's tokens. An Envoy
 * that is not Istio's gets none that it would refuse, and with them the listener.
 */
function keysOf(view: View, rule: JWTRule): Pick<IJwtProvider, 'localJwks' | 'remoteJwks'> {
  const origin = keyOriginOf(view, rule);
  if (origin.kind === 'remote')
    return {
      remoteJwks: {
        httpUri: {
          uri: origin.uri,
          cluster: clusterName('outbound', origin),
          timeout: duration(remoteTimeout),
        },
        cacheDuration: duration(remoteCache),
      },
    };
  const jwks = origin.kind === 'inline' ? origin.jwks : keySetOf(view, origin.key);
  if (view.attr('istioExtensions')) return { localJwks: { inlineString: jwks ?? unfetched(rule.jwksUri ?? '') } };
  const isUsable = jwks !== undefined && hasUsableKey(jwks);
  return { localJwks: { inlineString: isUsable ? jwks : unverifiable } };
}

function buildProvider(view: View, rule: JWTRule): IJwtProvider {
  return {
    issuer: rule.issuer ?? '',
    audiences: [...(rule.audiences ?? [])],
    ...keysOf(view, rule),
    ...(rule.forwardOriginalToken ? { forward: true } : {}),
    fromHeaders: (rule.fromHeaders ?? []).map(({ name, prefix }) => ({
      name: name ?? '',
      ...(prefix ? { valuePrefix: prefix } : {}),
    })),
    fromParams: [...(rule.fromParams ?? [])],
    ...(rule.outputPayloadToHeader ? { forwardPayloadHeader: rule.outputPayloadToHeader } : {}),
    payloadInMetadata: rule.issuer ?? '',
    claimToHeaders: (rule.outputClaimToHeaders ?? []).map(({ header, claim }) => ({
      headerName: header ?? '',
      claimName: claim ?? '',
    })),
  };
}

/** No token, or valid ones: each issuer's may be missing, none may be bad. */
function buildRequirement(names: readonly string[]): IJwtRequirement {
  const optional = (providerName: string): IJwtRequirement => ({
    requiresAny: { requirements: [{ providerName }, { allowMissing: {} }] },
  });
  const [only, ...others] = names;
  if (only !== undefined && others.length === 0) return optional(only);
  return {
    requiresAny: {
      requirements: [
        ...names.map((providerName) => ({ providerName })),
        { requiresAll: { requirements: names.map(optional) } },
      ],
    },
  };
}

/**
 * The filters of RequestAuthentication: jwt_authn checks tokens, istio_authn (Istio's Envoy only) says whose they are.
 * None without rules.
 */
export const jwtFilters = worldQuery('jwt-filters', (view): readonly IHttpFilter[] => {
  const rules = view.query(jwtRules, '');
  if (rules.length === 0) return [];
  const named = rules.map((rule, i): [string, IJwtProvider] => [`origins-${i}`, buildProvider(view, rule)]);
  const authentication: IHttpFilter = {
    name: 'envoy.filters.http.jwt_authn',
    typedConfig: typedConfig(envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication, {
      providers: Object.fromEntries(named),
      rules: [{ match: { prefix: '/' }, requires: buildRequirement(named.map(([name]) => name)) }],
      bypassCorsPreflight: true,
    }),
  };
  if (!view.attr('istioExtensions')) return [authentication];
  const identity: IHttpFilter = {
    name: 'istio_authn',
    typedConfig: typedConfig(istio.envoy.config.filter.http.authn.v2alpha1.FilterConfig, {
      policy: {
        origins: rules.map(({ issuer }) => ({ jwt: { issuer: issuer ?? '' } })),
        originIsOptional: true,
        principalBinding: istio.authentication.v1alpha1.PrincipalBinding.USE_ORIGIN,
      },
      skipValidateTrustDomain: true,
      // a gateway chooses its route again once the token is known
      ...(view.attr('type') === 'sidecar' ? { disableClearRouteCache: true } : {}),
    }),
  };
  return [authentication, identity];
});
