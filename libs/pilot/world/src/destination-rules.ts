import { compareText, groupBy } from '@flotilla/std';
import type { DestinationRule, ObjectKey } from '@flotilla/model';
import { defineKey, type KeyOf } from '@flotilla/query';
import { bornAt, hostSubsetOf, isWildcard, mostSpecificMatch, resolveShortName, type Labels } from '@flotilla/rules';
import { domainOf, rootNamespace, setting } from './mesh-settings.ts';
import { anyWildcard } from './store.ts';
import { isSelected, worldQuery, type View } from './view.ts';

/** A DestinationRule as merged from all of its host in a namespace. */
export interface MergedRule {
  readonly rule: DestinationRule;
  /** Name and namespace of the first. */
  readonly name: string;
  readonly namespace: string;
  readonly from: readonly string[];
}

interface Header {
  readonly key: ObjectKey;
  readonly name: string;
  readonly namespace: string;
  readonly time: number;
  readonly host: string;
  readonly selector?: Labels;
  /** Equal for equal selectors. */
  readonly selectorText?: string;
  readonly exportTo: ReadonlySet<string>;
}
const header = worldQuery('destination-rule-header', (view, key: ObjectKey): Header | undefined => {
  const resource = view.get('destination-rules', key);
  if (!resource) return undefined;
  const { meta, spec } = resource;
  return {
    key,
    name: meta.name,
    namespace: meta.namespace,
    time: bornAt(meta),
    host: resolveShortName(spec.host ?? '', meta, domainOf(view)),
    // A rule for some workloads is its namespace's own, whatever it says.
    exportTo: new Set(spec.workloadSelector ? ['.'] : (spec.exportTo ?? [])),
    ...(spec.workloadSelector ? selectorOf(spec.workloadSelector.matchLabels ?? {}) : {}),
  };
});

const selectorOf = (selector: Labels): Pick<Header, 'selector' | 'selectorText'> => ({
  selector,
  selectorText: JSON.stringify(Object.entries(selector).sort(([a], [b]) => compareText(a, b))),
});

/** Rules of one host that go together: one, and those after it that `isPartOf` names, merged in this order. */
interface Group extends Pick<Header, 'namespace' | 'selector' | 'selectorText'> {
  /** The place of the first. */
  readonly first: number;
}
interface HostGroups {
  /** All of the host, the oldest first. */
  readonly rules: readonly Header[];
  readonly groups: readonly Group[];
  readonly exportTo: ReadonlySet<string>;
}
/**
 * Whose rules: those a namespace's own proxies use, those it gives to others, those the root namespace keeps to itself.
 */
type PoolKind = 'local' | 'exported' | 'private';
const poolKey = defineKey<{ readonly namespace: string; readonly kind: PoolKind }>()('namespace', 'kind');
type PoolKey = KeyOf<typeof poolKey>;

const pool = worldQuery(
  'destination-rules-of',
  (view, { namespace, kind }: PoolKey): ReadonlyMap<string, HostGroups> => {
    const headers = view
      .index('destination-rules', 'namespace', namespace)
      .flatMap((rule) => view.query(header, rule) ?? [])
      .filter((rule) => belongs(view, rule, kind))
      .sort((a, b) => a.time - b.time || compareText(`${a.name}.`, `${b.name}.`));
    const hosts = [...groupBy(headers, ({ host }) => host)];
    return new Map(hosts.map(([host, rules]) => [host, groupsOf(rules)]));
  },
);

function belongs(view: View, { exportTo, namespace }: Header, kind: PoolKind): boolean {
  if (kind === 'local') return exportTo.size === 0 || exportTo.has('*') || exportTo.has('.') || exportTo.has(namespace);
  const byDefault = setting(view, 'defaultDestinationRuleExportTo') ?? ['*'];
  const isPrivate =
    exportTo.size === 0
      ? byDefault.includes('.')
      : exportTo.size === 1 && (exportTo.has('.') || exportTo.has(namespace));
  return isPrivate === (kind === 'private');
}

/**
 * Istio's mergeDestinationRule: rules without selector are one, those with equal selectors are one, and a selector rule
 * also adds to the rule without. An empty selector begins no group where there is one without selector.
 */
function groupsOf(rules: readonly Header[]): HostGroups {
  const groups = new Map<string | undefined, Group>();
  for (const [first, { namespace, selector, selectorText }] of rules.entries()) {
    const isEmpty = selector !== undefined && Object.keys(selector).length === 0;
    if (groups.has(selectorText) || (isEmpty && groups.has(undefined))) continue;
    groups.set(selectorText, { first, namespace, ...(selector && { selector, selectorText }) } as Group);
  }
  const exportTo = rules.find((rule) => rule.exportTo.size > 0)?.exportTo ?? new Set();
  return { rules, groups: [...groups.values()], exportTo };
}

const isPartOf = (group: Group, rule: Header): boolean =>
  group.selector === undefined || rule.selector === undefined || group.selectorText === rule.selectorText;

/** Names a DestinationRule as merged from all of its host, in this order; from none: there is no rule. */
export const ruleKey = defineKey<{ readonly rules: readonly ObjectKey[] }>()('rules');
export type RuleKey = KeyOf<typeof ruleKey>;
export const noRule = ruleKey({ rules: [] });

const merged = worldQuery('destination-rule-merged', (view, { rules: keys }: RuleKey): MergedRule | undefined => {
  const rules = keys.flatMap((key) => view.get('destination-rules', key) ?? []);
  const [first, ...others] = rules;
  if (!first) return undefined;
  const subsets = [...(first.spec.subsets ?? [])];
  const known = new Set(subsets.map(({ name }) => name));
  for (const { spec } of others) {
    const more = (spec.subsets ?? []).filter(({ name }) => !known.has(name));
    for (const subset of more) {
      subsets.push(subset);
      known.add(subset.name);
    }
  }
  const rule: DestinationRule = {
    ...first.spec,
    host: resolveShortName(first.spec.host ?? '', first.meta, domainOf(view)),
    ...(others.length > 0
      ? { subsets, trafficPolicy: rules.find(({ spec }) => spec.trafficPolicy)?.spec.trafficPolicy }
      : {}),
  };
  return {
    rule,
    name: first.meta.name,
    namespace: first.meta.namespace,
    from: rules.map(({ meta }) => `${meta.namespace}/${meta.name}`),
  };
});

/** Whether a pool has any rule. Where it has none, it is not searched for one host after the other. */
const hasRules = worldQuery('destination-rules-exist', (view, key: PoolKey): boolean => view.query(pool, key).size > 0);

const hostInPool = defineKey<{ readonly hostname: string; readonly pool: PoolKey }>()('hostname', 'pool');
type HostInPool = KeyOf<typeof hostInPool>;
const lookUp = worldQuery(
  'destination-rule-groups',
  (view, { hostname, pool: from }: HostInPool): HostGroups | undefined => {
    const hosts = view.query(pool, from);
    const found = mostSpecificMatch(hostname, hosts, [...hosts.keys()].filter(isWildcard));
    return found === undefined ? undefined : hosts.get(found);
  },
);

type Named = { readonly hostname: string; readonly namespace: string };
/** The rule that holds for a service. */
export type RuleFor = (service: Named, direction?: 'outbound' | 'inbound') => RuleKey;

/**
 * The proxy's DestinationRules, to be asked for one service after the other: what these have in common is read once. A
 * client namespace uses for a host of a service namespace its own rule, then the service namespace's, then the root
 * namespace's, each as far as exported (Istio's PushContext.destinationRule). A rule whose workloadSelector selects the
 * proxy (outbound only, its own namespace) goes before the one without. No query of its own: what is made of a rule can
 * be shared by all proxies that have the same.
 */
export function destinationRulesOf(view: View): RuleFor {
  const [client, root] = [view.attr('namespace'), rootNamespace(view)];
  const known = new Map<PoolKey, boolean>();
  const groupsIn = (from: PoolKey, hostname: string): HostGroups | undefined => {
    const has = known.get(from) ?? view.query(hasRules, from);
    known.set(from, has);
    return has ? view.query(lookUp, hostInPool({ hostname, pool: from })) : undefined;
  };
  const groupsFor = ({ hostname, namespace }: Named): HostGroups | undefined => {
    const clientGroups = groupsIn(
      poolKey({ namespace: client, kind: client === root ? 'private' : 'local' }),
      hostname,
    );
    if (clientGroups) return clientGroups;
    for (const from of [namespace, root]) {
      const found = from === '' ? undefined : groupsIn(poolKey({ namespace: from, kind: 'exported' }), hostname);
      if (found && (found.exportTo.size === 0 || found.exportTo.has('*') || found.exportTo.has(client))) return found;
    }
    return undefined;
  };
  return (service, direction = 'outbound') => {
    const { rules, groups } = groupsFor(service) ?? { rules: [], groups: [] };
    const selected =
      direction === 'outbound' &&
      groups.find(({ selector, namespace }) => selector && namespace === client && isSelected(view, selector));
    const found = selected || groups.find(({ selector }) => !selector);
    if (!found) return noRule;
    const together = rules.slice(found.first).filter((rule) => isPartOf(found, rule));
    return ruleKey({ rules: together.map(({ key }) => key) });
  };
}

const wildcards = worldQuery('destination-rule-wildcards', (view): readonly string[] =>
  view
    .index('destination-rules', 'host', anyWildcard)
    .flatMap((key) => view.get('destination-rules', key)?.spec.host ?? []),
);

/**
 * Whether some rule, of whatever namespace, is about a host. Most hosts have none: what is made for such a host is the
 * same for clients of all namespaces.
 */
const isRuled = worldQuery('destination-rules-for-host', (view, hostname): boolean => {
  const isFiled = (host: string): boolean => view.index('destination-rules', 'host', host).length > 0;
  const domain = domainOf(view);
  return (
    isFiled(hostname) ||
    (hostname.endsWith(`.svc.${domain}`) && isFiled(hostname.slice(0, -domain.length))) ||
    view.query(wildcards, '').some((wildcard) => hostSubsetOf(hostname, wildcard))
  );
});

/** The rule that holds for one service. */
export const destinationRuleKey = (view: View, service: Named, direction?: 'outbound' | 'inbound'): RuleKey =>
  view.query(isRuled, service.hostname) ? destinationRulesOf(view)(service, direction) : noRule;

/** The rule that a key names. */
export const destinationRuleOf = (view: View, key: RuleKey): MergedRule | undefined =>
  key === noRule ? undefined : view.query(merged, key);

export const destinationRule = (
  view: View,
  service: Named,
  direction?: 'outbound' | 'inbound',
): MergedRule | undefined => destinationRuleOf(view, destinationRuleKey(view, service, direction));
