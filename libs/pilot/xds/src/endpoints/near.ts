import type { LocalityLoadBalancerSetting, TrafficPolicy } from '@flotilla/model';
import { localityParts } from '@flotilla/pilot-registry';
import { localityOfProxy, setting, type View } from '@flotilla/pilot-world';
import type { envoy } from '@flotilla/proto-gen/envoy';
import { localitySetting } from '../clusters/load-balancer.ts';
import type { AssignmentOf } from './endpoint-group.ts';
import { applyLocality, localityMessage, type LocalityGroup } from './locality.ts';

/**
 * The mesh's or the rule's wish for what is near the client; undefined where it changes nothing, so that nobody's place
 * is asked for.
 */
export function localityRule(view: View, policy: TrafficPolicy | undefined): LocalityLoadBalancerSetting | undefined {
  const rule = localitySetting(setting(view, 'localityLbSetting'), policy?.loadBalancer?.localityLbSetting);
  return rule?.distribute?.length || policy?.outlierDetection ? rule : undefined;
}

/**
 * Prefers what is near the client. Labels decide only where endpoints come by EDS; elsewhere a rule that goes by them
 * leaves all equal, but for what it says of places.
 */
export function near(
  view: View,
  groups: readonly LocalityGroup[],
  { policy, locality: given, dns }: Pick<AssignmentOf, 'policy' | 'locality' | 'dns'>,
): envoy.config.endpoint.v3.ILocalityLbEndpoints[] {
  const rule = localityRule(view, policy);
  const own = rule && (given ?? view.query(localityOfProxy, ''));
  if (!rule || own === undefined) return groups.map(({ endpoints }) => endpoints);
  const byLabels = rule.failoverPriority?.length;
  if (dns && byLabels && !rule.distribute?.length && !rule.failover?.length)
    return groups.map(({ endpoints }) => endpoints);
  const wish = dns ? { ...rule, failoverPriority: [] } : rule;
  const { region, zone, subzone } = localityParts(own);
  const labels = Object.fromEntries(
    (wish.failoverPriority ?? []).filter((name) => !name.includes('=')).map((name) => [name, view.label(name) ?? '']),
  );
  return applyLocality(groups, {
    setting: wish,
    locality: localityMessage(region, zone, subzone),
    labels,
    failover: policy?.outlierDetection !== undefined,
  });
}
