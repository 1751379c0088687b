import { isTrue } from '@flotilla/rules';
import { worldQuery, type View } from '@flotilla/pilot-world';
import { envoy } from '@flotilla/proto-gen/envoy';
import { jwtIssuers } from '../authn/jwt.ts';
import { hasPeerFilter } from '../filters/peer-filter.ts';
import { typedConfig } from '../finish/typed-config.ts';
import { extAuthz, type Layer } from './ext-authz.ts';
import { authorizationPolicies, ownTrustDomains, type AuthorizationResource } from './policies.ts';
import { buildPolicy, type RuleTarget } from './rule.ts';

type IRBAC = envoy.config.rbac.v3.IRBAC;
type IPolicy = envoy.config.rbac.v3.IPolicy;
type IFilter = envoy.config.listener.v3.IFilter;
type IHttpFilter = envoy.extensions.filters.network.http_connection_manager.v3.IHttpFilter;
const { ALLOW, DENY, LOG } = envoy.config.rbac.v3.RBAC.Action;
const actions = { ALLOW, DENY, LOG } as const;
const http = envoy.extensions.filters.http.rbac.v3.RBAC;
const network = envoy.extensions.filters.network.rbac.v3.RBAC;

const matchNever: IPolicy = { permissions: [{ notRule: { any: true } }], principals: [{ notId: { any: true } }] };
const isDryRun = ({ meta }: AuthorizationResource): boolean => isTrue(meta.annotations?.['istio.io/dry-run']);

function targetOf(view: View, layer: Layer, action: RuleTarget['action']): RuleTarget {
  const istioEnvoy = view.attr('istioExtensions');
  return {
    action,
    tcp: layer === 'tcp',
    istioEnvoy,
    peerFrom: hasPeerFilter(view) ? 'filter state' : 'certificate',
    issuers: istioEnvoy ? [] : view.query(jwtIssuers, ''),
    trustDomains: ownTrustDomains(view),
  };
}

/** The rules of policies as RBAC; a policy without rules matches nothing. Undefined without policies. */
function rulesOf(policies: readonly AuthorizationResource[], target: RuleTarget, prefix = ''): IRBAC | undefined {
  if (policies.length === 0) return undefined;
  const named = policies.flatMap(({ meta, spec }): [string, IPolicy][] => {
    const nameOf = (i: number): string => `${prefix}ns[${meta.namespace}]-policy[${meta.name}]-rule[${i}]`;
    if (!spec.rules?.length) return [[nameOf(0), matchNever]];
    return spec.rules.flatMap((rule, i): [string, IPolicy][] => {
      const policy = buildPolicy(rule, target);
      return policy ? [[nameOf(i), policy]] : [];
    });
  });
  return { action: actions[target.action], policies: Object.fromEntries(named) };
}

const filter = (layer: Layer, config: envoy.extensions.filters.http.rbac.v3.IRBAC): IFilter & IHttpFilter =>
  layer === 'http'
    ? { name: 'envoy.filters.http.rbac', typedConfig: typedConfig(http, config) }
    : { name: 'envoy.filters.network.rbac', typedConfig: typedConfig(network, { ...config, statPrefix: 'tcp.' }) };

/** One action's filter. The prefix marks what dry-run rules would have done. */
function actionFilter(
  view: View,
  layer: Layer,
  { of, action }: { of: string; action: RuleTarget['action'] },
): (IFilter & IHttpFilter)[] {
  const policies = view.query(authorizationPolicies, '').filter(({ spec }) => (spec.action ?? 'ALLOW') === of);
  if (policies.length === 0) return [];
  const target = targetOf(view, layer, action);
  const rules = rulesOf(
    policies.filter((policy) => !isDryRun(policy)),
    target,
  );
  const shadowRules = rulesOf(policies.filter(isDryRun), target);
  const would =
    shadowRules?.action === DENY ? 'istio_dry_run_deny_' : shadowRules?.action === LOG ? '' : 'istio_dry_run_allow_';
  return [
    filter(layer, {
      ...(rules ? { rules } : {}),
      ...(shadowRules ? { shadowRules } : {}),
      ...(would ? { shadowRulesStatPrefix: would } : {}),
    }),
  ];
}

/** The filters of AUDIT, DENY and ALLOW policies, in that order (Istio "Authorization Policy"). Key: the layer. */
export const localAuthorization = worldQuery(
  'local-authorization',
  (view, layer: Layer): readonly (IFilter & IHttpFilter)[] => [
    ...actionFilter(view, layer, { of: 'AUDIT', action: 'LOG' }),
    ...actionFilter(view, layer, { of: 'DENY', action: 'DENY' }),
    ...actionFilter(view, layer, { of: 'ALLOW', action: 'ALLOW' }),
  ],
);

/**
 * The filters of CUSTOM policies: a shadow RBAC marks what they select, ext_authz calls their provider about it.
 * Without a provider that can be asked, what they select is refused. Key: the layer.
 */
export const customAuthorization = worldQuery(
  'custom-authorization',
  (view, layer: Layer): readonly (IFilter & IHttpFilter)[] => {
    const policies = view.query(authorizationPolicies, '').filter(({ spec }) => spec.action === 'CUSTOM');
    if (policies.length === 0) return [];
    const enforced = rulesOf(
      policies.filter((policy) => !isDryRun(policy)),
      targetOf(view, layer, 'DENY'),
      'istio-ext-authz-',
    );
    const providers = [...new Set(policies.map(({ spec }) => spec.provider?.name ?? ''))];
    const asked = providers.length === 1 ? extAuthz(view, layer, providers[0] ?? '') : undefined;
    if (asked === 'unsupported') return [];
    if (!asked) {
      const all: IPolicy = { permissions: [{ any: true }], principals: [{ any: true }] };
      return [
        filter(layer, { rules: { action: DENY, policies: { 'default-deny-all-due-to-bad-CUSTOM-action': all } } }),
      ];
    }
    return [
      filter(layer, { ...(enforced ? { shadowRules: enforced } : {}), shadowRulesStatPrefix: 'istio_ext_authz_' }),
      asked,
    ];
  },
);
