import { ownMember } from '@flotilla/std';
import type { LocalityLoadBalancerSetting } from '@flotilla/model';
import { u32, type envoy } from '@flotilla/proto-gen/envoy';

type ILocalityLbEndpoints = envoy.config.endpoint.v3.ILocalityLbEndpoints;
type ILocality = envoy.config.core.v3.ILocality;

export const localityMessage = (region: string, zone: string, subzone: string): ILocality => ({
  ...(region ? { region } : {}),
  ...(zone ? { zone } : {}),
  ...(subzone ? { subZone: subzone } : {}),
});

/** Endpoints of one locality, with the labels of each in the same order. */
export interface LocalityGroup {
  readonly endpoints: ILocalityLbEndpoints;
  readonly labels: readonly Readonly<Record<string, string>>[];
}

export interface LocalityOptions {
  readonly setting: LocalityLoadBalancerSetting;
  /** The client's. */
  readonly locality: ILocality;
  readonly labels: Readonly<Record<string, string>>;
  /** Without outlier detection Envoy never leaves a priority, so there is none. */
  readonly failover: boolean;
}

/** Istio's ApplyLocalityLBSetting: shares by locality, or else priorities by labels, or by how near an endpoint is. */
export function applyLocality(groups: readonly LocalityGroup[], options: LocalityOptions): ILocalityLbEndpoints[] {
  const { setting, failover } = options;
  const plain = groups.map(({ endpoints }) => endpoints);
  if (setting.distribute?.length) return distribute(plain, options);
  if (!failover) return plain;
  if (!setting.failoverPriority?.length)
    return inSteps(plain.map((group) => ({ ...group, priority: priorityOf(group.locality ?? {}, options) })));
  const labelled = inSteps(groups.flatMap((group) => byLabels(group, options)));
  // of what labels hold equal, the place decides where it is said to
  return setting.failover?.length
    ? inSteps(
        labelled.map((group) => ({
          ...group,
          priority: 5 * (group.priority ?? 0) + priorityOf(group.locality ?? {}, options),
        })),
      )
    : labelled;
}

/** Whether a locality falls under `region/zone/subzone`, where parts may be `*` or missing. */
function matches({ region, zone, subZone }: ILocality, rule: string): boolean {
  const [ruleRegion = '', ruleZone = '', ruleSubzone = ''] = rule.split('/');
  const any = (part: string): boolean => part === '*' || part === '';
  return (
    (ruleRegion === '*' || (region ?? '') === ruleRegion) &&
    (any(ruleZone) || (zone ?? '') === ruleZone) &&
    (any(ruleSubzone) || (subZone ?? '') === ruleSubzone)
  );
}

/** Traffic of the client's locality by shares; what no share names keeps its weight and loses its endpoints. */
function distribute(
  groups: readonly ILocalityLbEndpoints[],
  { setting, locality }: LocalityOptions,
): ILocalityLbEndpoints[] {
  const rule = setting.distribute?.find(({ from }) => matches(locality, from ?? ''));
  if (!rule) return [...groups];
  const out = new Map<ILocalityLbEndpoints, ILocalityLbEndpoints>();
  for (const [to, share] of Object.entries(rule.to ?? {})) {
    const named = groups.filter((group) => !out.has(group) && matches(group.locality ?? {}, to));
    const weights = named.map(({ loadBalancingWeight }) => Number(loadBalancingWeight?.value ?? 1));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    named.forEach((group, i) => {
      const weight = Math.ceil(((weights[i] ?? 0) * share) / total);
      out.set(group, weight > 0 ? { ...group, loadBalancingWeight: u32(weight) } : group);
    });
  }
  return groups.map((group) => out.get(group) ?? { ...group, lbEndpoints: [] });
}

/** 0 in the same subzone, 1 zone, 2 region; 3 elsewhere, and 4 where the failover settings send nothing. */
function priorityOf({ region, zone, subZone }: ILocality, { locality, setting }: LocalityOptions): number {
  if ((region ?? '') === (locality.region ?? '')) {
    if ((zone ?? '') !== (locality.zone ?? '')) return 2;
    return (subZone ?? '') === (locality.subZone ?? '') ? 0 : 1;
  }
  const rule = setting.failover?.find(({ from }) => (from ?? '') === (locality.region ?? ''));
  return rule && rule.to !== (region ?? '') ? 4 : 3;
}

/**
 * Priorities by how many labels, in order, an endpoint shares with the client; `label=value` requires a value instead.
 */
function byLabels(
  { endpoints, labels: all }: LocalityGroup,
  { setting, labels }: LocalityOptions,
): (ILocalityLbEndpoints & { priority: number })[] {
  const wanted = (setting.failoverPriority ?? []).map((entry) => {
    const at = entry.indexOf('=');
    return at < 0
      ? { name: entry, value: ownMember(labels, entry) ?? '' }
      : { name: entry.slice(0, at), value: entry.slice(at + 1) };
  });
  const groups = new Map<number, NonNullable<ILocalityLbEndpoints['lbEndpoints']>>();
  (endpoints.lbEndpoints ?? []).forEach((endpoint, i) => {
    const missed = wanted.findIndex(({ name, value }) => (ownMember(all[i], name) ?? '') !== value);
    const priority = missed < 0 ? 0 : wanted.length - missed;
    groups.set(priority, [...(groups.get(priority) ?? []), endpoint]);
  });
  return [...groups]
    .sort(([a], [b]) => a - b)
    .map(([priority, lbEndpoints]) => ({
      ...endpoints,
      lbEndpoints,
      priority,
      loadBalancingWeight: u32(
        lbEndpoints.reduce((sum, { loadBalancingWeight }) => sum + Number(loadBalancingWeight?.value ?? 0), 0),
      ),
    }));
}

/** Envoy wants priorities from 0 on without gaps. */
function inSteps(groups: readonly (ILocalityLbEndpoints & { priority: number })[]): ILocalityLbEndpoints[] {
  const steps = [...new Set(groups.map(({ priority }) => priority))].sort((a, b) => a - b);
  return groups.map(({ priority, ...group }) => {
    const step = steps.indexOf(priority);
    return step === 0 ? group : { ...group, priority: step };
  });
}
