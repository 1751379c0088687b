import type { Destination, LoadBalancerSettings, TrafficPolicy } from '@flotilla/model';
import { destinationRuleOf, destinationRulesOf, scopeOwner, type RuleFor, type View } from '@flotilla/pilot-world';
import { duration } from '@flotilla/proto-gen/envoy';
import type { IHashPolicy } from './route.ts';

export type ConsistentHash = LoadBalancerSettings['consistentHash'];

/**
 * The consistent hash that a DestinationRule gives a destination. A subset's own goes before its parent's; a subset with a simple load balancer still
 * inherits the parent's; a port's goes before both.
 */
export function consistentHashOf(view: View, destination: Destination, { port: defaultPort, ruleFor = destinationRulesOf(view) }: { port: number; ruleFor?: RuleFor }): ConsistentHash {
  const { host = '', subset = '', port } = destination;
  const owner = view.query(scopeOwner, host);
  const rule = owner && destinationRuleOf(view, ruleFor(owner))?.rule;
  if (!rule) return undefined;
  const number = port?.number ?? defaultPort;
  const own = rule.subsets?.find(({ name }) => name === subset && subset !== '')?.trafficPolicy;
  return policyHash(own, number) ?? policyHash(rule.trafficPolicy, number);
}

function policyHash(policy: TrafficPolicy | undefined, port: number): ConsistentHash {
  const atPort = policy?.portLevelSettings?.find((setting) => setting.port?.number === port);
  return atPort ? atPort.loadBalancer?.consistentHash : policy?.loadBalancer?.consistentHash;
}

export const hashPoliciesOf = (view: View, destination: Destination, port: number): IHashPolicy[] => buildHashPolicies(consistentHashOf(view, destination, { port }));

/** Envoy's hash policy of a consistent hash (Istio's consistentHashToHashPolicy): one or none. */
export function buildHashPolicies(hash: ConsistentHash): IHashPolicy[] {
  if (!hash) return [];
  if (hash.httpHeaderName !== undefined) return [{ header: { headerName: hash.httpHeaderName } }];
  if (hash.httpCookie) {
    const { name, path, ttl } = hash.httpCookie;
    return [{ cookie: { name: name ?? '', ...(path ? { path } : {}), ...(ttl !== undefined ? { ttl: duration(ttl) } : {}) } }];
  }
  if (hash.useSourceIp) return [{ connectionProperties: { sourceIp: true } }];
  if (hash.httpQueryParameterName !== undefined) return [{ queryParameter: { name: hash.httpQueryParameterName } }];
  return [];
}
