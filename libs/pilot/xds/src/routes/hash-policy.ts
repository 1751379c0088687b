import type { Destination, LoadBalancerSettings, TrafficPolicy } from '@flotilla/model';
import {
  destinationRule,
  destinationRuleOf,
  noRule,
  scopeOwner,
  worldQuery,
  type RuleFor,
  type RuleKey,
  type View,
} from '@flotilla/pilot-world';
import { defineKey, type KeyOf } from '@flotilla/query';
import { duration } from '@flotilla/proto-gen/envoy';
import type { IHashPolicy } from './route.ts';

export type ConsistentHash = LoadBalancerSettings['consistentHash'];

/**
 * The consistent hash that a DestinationRule gives a VirtualService's destination (Istio's GetHashForHTTPDestination):
 * its subset's, else its rule's; in either that of a port goes first, which only a destination that names its port has.
 * A load balancer of another kind takes none of these away.
 */
function consistentHashOf(view: View, { host = '', subset = '', port }: Destination): ConsistentHash {
  const owner = view.query(scopeOwner, host);
  const rule = owner && destinationRule(view, owner)?.rule;
  const own = subset === '' ? undefined : rule?.subsets?.find(({ name }) => name === subset)?.trafficPolicy;
  return [own, rule?.trafficPolicy]
    .flatMap((policy) => [hashAtPort(policy, port?.number), policy?.loadBalancer?.consistentHash])
    .find((hash) => hash !== undefined);
}

const hashAtPort = (policy: TrafficPolicy | undefined, port: number | undefined): ConsistentHash =>
  port === undefined
    ? undefined
    : policy?.portLevelSettings?.find((setting) => setting.port?.number === port)?.loadBalancer?.consistentHash;

/**
 * The same for a service without VirtualService, which is asked for by its port (Istio's getHashForService): the rule
 * that gives it, if one does.
 */
export function hashRuleOf(
  view: View,
  host: string,
  { port, ruleFor }: { readonly port: number; readonly ruleFor: RuleFor },
): RuleKey {
  const owner = view.query(scopeOwner, host);
  const rule = owner ? ruleFor(owner) : noRule;
  return rule !== noRule && view.query(consistentHashAt, ruleAt({ rule, port })) ? rule : noRule;
}

/** A rule, as far as it is about a port. */
const ruleAt = defineKey<{ readonly rule: RuleKey; readonly port: number }>()('rule', 'port');
const consistentHashAt = worldQuery('consistent-hash', (view, { rule, port }: KeyOf<typeof ruleAt>): ConsistentHash => {
  const policy = destinationRuleOf(view, rule)?.rule.trafficPolicy;
  return hashAtPort(policy, port) ?? policy?.loadBalancer?.consistentHash;
});

export const hashPoliciesOfRule = (view: View, rule: RuleKey, port: number): IHashPolicy[] =>
  rule === noRule ? [] : buildHashPolicies(view.query(consistentHashAt, ruleAt({ rule, port })));

export const hashPoliciesOf = (view: View, destination: Destination): IHashPolicy[] =>
  buildHashPolicies(consistentHashOf(view, destination));

/** Envoy's hash policy of a consistent hash (Istio's consistentHashToHashPolicy): one or none. */
function buildHashPolicies(hash: ConsistentHash): IHashPolicy[] {
  if (!hash) return [];
  if (hash.httpHeaderName !== undefined) return [{ header: { headerName: hash.httpHeaderName } }];
  if (hash.httpCookie) {
    const { name, path, ttl } = hash.httpCookie;
    return [
      { cookie: { name: name ?? '', ...(path ? { path } : {}), ...(ttl !== undefined ? { ttl: duration(ttl) } : {}) } },
    ];
  }
  if (hash.useSourceIp) return [{ connectionProperties: { sourceIp: true } }];
  if (hash.httpQueryParameterName !== undefined) return [{ queryParameter: { name: hash.httpQueryParameterName } }];
  return [];
}
