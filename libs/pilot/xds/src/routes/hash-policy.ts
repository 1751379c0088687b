import type { Destination, LoadBalancerSettings, TrafficPolicy } from '@flotilla/model';
import { destinationRule, scopeOwner, worldQuery, type View } from '@flotilla/pilot-world';
import { duration } from '@flotilla/proto-gen/envoy';
import type { IHashPolicy } from './route.ts';

type ConsistentHash = LoadBalancerSettings['consistentHash'];

/**
 * The consistent hash that a DestinationRule gives a destination. A subset's own goes before its parent's; a subset with a simple load balancer still
 * inherits the parent's; a port's goes before both. Key: `host|subset|port`.
 */
const consistentHash = worldQuery('consistent-hash', (view, key): ConsistentHash => {
  const [host, subset, port] = key.split('|') as [string, string, string];
  const owner = view.query(scopeOwner, host);
  const rule = owner && destinationRule(view, owner)?.rule;
  if (!rule) return undefined;
  const own = rule.subsets?.find(({ name }) => name === subset && subset !== '')?.trafficPolicy;
  return policyHash(own, Number(port)) ?? policyHash(rule.trafficPolicy, Number(port));
});

function policyHash(policy: TrafficPolicy | undefined, port: number): ConsistentHash {
  const atPort = policy?.portLevelSettings?.find((setting) => setting.port?.number === port);
  return atPort ? atPort.loadBalancer?.consistentHash : policy?.loadBalancer?.consistentHash;
}

/** Envoy's hash policy for a destination (Istio's consistentHashToHashPolicy): one or none. */
export function hashPoliciesOf(view: View, destination: Destination, port: number): IHashPolicy[] {
  const hash = view.query(consistentHash, `${destination.host ?? ''}|${destination.subset ?? ''}|${destination.port?.number ?? port}`);
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
