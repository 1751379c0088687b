import type { AuthorizationRule } from '@flotilla/model';
import type { envoy } from '@flotilla/proto-gen/envoy';
import { attributeOf, type IPermission, type IPrincipal, type Target } from './attributes.ts';
import { inTrustDomains } from './trust-domain.ts';

export interface RuleTarget extends Target {
  readonly action: 'ALLOW' | 'DENY' | 'LOG';
  readonly trustDomains: readonly string[];
}

/** One attribute with what it must and must not be. */
interface Term {
  readonly key: string;
  readonly values: readonly string[];
  readonly notValues: readonly string[];
}

const term = (key: string, values?: readonly string[], notValues?: readonly string[]): Term[] =>
  values?.length || notValues?.length ? [{ key, values: values ?? [], notValues: notValues ?? [] }] : [];

/** How each side of an RBAC policy says and, or, not. */
interface Logic<T> {
  readonly any: T;
  and(of: T[]): T;
  or(of: T[]): T;
  not(of: T): T;
}
const permissions: Logic<IPermission> = {
  any: { any: true },
  and: (rules) => ({ andRules: { rules } }),
  or: (rules) => ({ orRules: { rules } }),
  not: (notRule) => ({ notRule }),
};
const principals: Logic<IPrincipal> = {
  any: { any: true },
  and: (ids) => ({ andIds: { ids } }),
  or: (ids) => ({ orIds: { ids } }),
  not: (notId) => ({ notId }),
};

/**
 * Istio repeats the conditions of a rule in each of its sources and operations. Where that would result in more
 * matchers than this, they are stated once, which means the same: (a and c) or (b and c) is (a or b) and c. A list this
 * long takes megabytes of Envoy's memory for each filter chain that has it.
 */
const maxRepeated = 10_000;

/**
 * A rule as an RBAC policy (Istio's authz model.Generate). An ALLOW rule with anything that cannot be matched, such as
 * an HTTP attribute on a TCP chain, is left out as a whole, whichever of its operations, sources or conditions has it:
 * it would otherwise allow bytes that it was not written for. DENY and AUDIT rules lose only that value, so that they
 * match more. Undefined for a rule that is left out.
 */
export function buildPolicy(rule: AuthorizationRule, target: RuleTarget): envoy.config.rbac.v3.IPolicy | undefined {
  const conditions = (rule.when ?? []).map(({ key, values, notValues }): Term => ({
    key: key ?? '',
    values: values ?? [],
    notValues: notValues ?? [],
  }));
  if (conditions.some(({ key }) => !attributeOf(key))) return undefined;
  const side = (wanted: 'permission' | 'principal'): Term[] =>
    conditions.filter(({ key }) => attributeOf(key)?.side === wanted);
  const froms = (rule.from ?? []).map(({ source: s }) => [
    ...term('source.principal', s?.principals, s?.notPrincipals),
    ...term('request.auth.principal', s?.requestPrincipals, s?.notRequestPrincipals),
    ...term('source.namespace', s?.namespaces, s?.notNamespaces),
    ...term('remote.ip', s?.remoteIpBlocks, s?.notRemoteIpBlocks),
    ...term('source.ip', s?.ipBlocks, s?.notIpBlocks),
  ]);
  const tos = (rule.to ?? []).map(({ operation: o }) => [
    ...term('host', o?.hosts, o?.notHosts),
    ...term('method', o?.methods, o?.notMethods),
    ...term('path', o?.paths, o?.notPaths),
    ...term('destination.port', o?.ports, o?.notPorts),
  ]);
  const allowed = alternatives({ each: tos, all: side('permission') }, target, permissions);
  const who = alternatives({ each: froms, all: side('principal') }, target, principals);
  return allowed && who ? { permissions: allowed, principals: who } : undefined;
}

interface Alternatives {
  /** At least one of these must hold, unless there are none. */
  readonly each: readonly (readonly Term[])[];
  /** All of these must hold. */
  readonly all: readonly Term[];
}

/** One side of an RBAC policy, any of which is to hold; undefined when any of it voids the rule. */
function alternatives<T extends IPermission | IPrincipal>(
  { each, all }: Alternatives,
  target: RuleTarget,
  logic: Logic<T>,
): T[] | undefined {
  const matchable = (matches: readonly (T | undefined)[]): T[] | undefined =>
    matches.every((match) => match !== undefined) ? [...matches] : undefined;
  const repeated = each.length * all.reduce((sum, { values, notValues }) => sum + values.length + notValues.length, 0);
  if (each.length < 2 || repeated <= maxRepeated)
    return matchable((each.length > 0 ? each : [[]]).map((terms) => combine([...terms, ...all], target, logic)));
  const [some, common] = [matchable(each.map((terms) => combine(terms, target, logic))), combine(all, target, logic)];
  return some && common && [logic.and([logic.or(some), common])];
}

function combine<T extends IPermission | IPrincipal>(
  terms: readonly Term[],
  target: RuleTarget,
  logic: Logic<T>,
): T | undefined {
  const all: T[] = [];
  for (const { key, values, notValues } of terms) {
    const attribute = attributeOf(key);
    const matchAll = (given: readonly string[]): T[] | undefined => {
      const expanded = key === 'source.principal' ? inTrustDomains(given, target.trustDomains) : given;
      const matches = expanded.map((value) => attribute?.match(value, target) as T | undefined);
      if (target.action === 'ALLOW' && matches.includes(undefined)) return undefined;
      return matches.filter((match) => match !== undefined);
    };
    const [is, isNot] = [matchAll(values), matchAll(notValues)];
    if (!is || !isNot) return undefined;
    if (is.length > 0) all.push(logic.or(is));
    if (isNot.length > 0) all.push(logic.not(logic.or(isNot)));
  }
  return logic.and(all.length > 0 ? all : [logic.any]);
}
