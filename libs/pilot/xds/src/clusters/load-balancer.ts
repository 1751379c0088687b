import type { LoadBalancerSettings, LocalityLoadBalancerSetting } from '@flotilla/model';
import { duration, envoy, u64 } from '@flotilla/proto-gen/envoy';

type ICluster = envoy.config.cluster.v3.ICluster;
const { CLUSTER_PROVIDED, LEAST_REQUEST, MAGLEV, RANDOM, RING_HASH, ROUND_ROBIN } =
  envoy.config.cluster.v3.Cluster.LbPolicy;
const { ORIGINAL_DST } = envoy.config.cluster.v3.Cluster.DiscoveryType;

/**
 * The locality settings in force: the rule's replace the mesh's; either may switch them off (Istio's
 * GetLocalityLbSetting).
 */
export function localitySetting(
  mesh: LocalityLoadBalancerSetting | undefined,
  rule: LocalityLoadBalancerSetting | undefined,
): LocalityLoadBalancerSetting | undefined {
  const setting = rule ?? mesh;
  return setting?.enabled === false ? undefined : setting;
}

/**
 * How a cluster picks endpoints (Istio's applyLoadBalancer). Passing through turns the cluster into an ORIGINAL_DST
 * one.
 */
export function buildLoadBalancer(
  type: number,
  settings: LoadBalancerSettings | undefined,
  options: { redis: boolean },
): ICluster {
  if (type === ORIGINAL_DST) return { lbPolicy: CLUSTER_PROVIDED };
  if (options.redis) return { lbPolicy: MAGLEV };
  const slowStart =
    settings?.warmupDurationSecs === undefined
      ? undefined
      : { slowStartConfig: { slowStartWindow: duration(settings.warmupDurationSecs) } };
  if (settings?.consistentHash) return buildConsistentHash(settings.consistentHash);
  switch (settings?.simple ?? 'UNSPECIFIED') {
    case 'RANDOM':
      return { lbPolicy: RANDOM };
    case 'ROUND_ROBIN':
      return { lbPolicy: ROUND_ROBIN, ...(slowStart ? { roundRobinLbConfig: slowStart } : {}) };
    case 'PASSTHROUGH':
      return { lbPolicy: CLUSTER_PROVIDED, type: ORIGINAL_DST };
    default:
      return { lbPolicy: LEAST_REQUEST, ...(slowStart ? { leastRequestLbConfig: slowStart } : {}) };
  }
}

function buildConsistentHash({
  maglev,
  ringHash,
  minimumRingSize,
}: NonNullable<LoadBalancerSettings['consistentHash']>): ICluster {
  if (maglev)
    return { lbPolicy: MAGLEV, ...(maglev.tableSize ? { maglevLbConfig: { tableSize: u64(maglev.tableSize) } } : {}) };
  const size = ringHash?.minimumRingSize || minimumRingSize;
  if (ringHash) return { lbPolicy: RING_HASH, ...(size ? { ringHashLbConfig: { minimumRingSize: u64(size) } } : {}) };
  return { lbPolicy: RING_HASH, ringHashLbConfig: { minimumRingSize: u64(size || 1024) } };
}
