import { groupBy } from '@flotilla/std';
import type { ServiceTarget } from '@flotilla/pilot-registry';
import { destinationRule, serviceTargets, setting, worldQuery, type View } from '@flotilla/pilot-world';
import { duration, encode, envoy } from '@flotilla/proto-gen/envoy';
import { sameResources, xdsResource, type XdsResource } from '../resource.ts';
import { clusterMetadata, httpProtocolOptions, metadataExchange, protocolOptions, useDownstreamProtocol } from './build.ts';
import { buildCircuitBreakers, buildCommonHttpOptions, buildKeepalive } from './connection-pool.ts';
import { mergeTrafficPolicy } from './traffic-policy.ts';

const { Cluster } = envoy.config.cluster.v3;
type ICluster = envoy.config.cluster.v3.ICluster;
const { ORIGINAL_DST, STATIC } = Cluster.DiscoveryType;
const { CLUSTER_PROVIDED } = Cluster.LbPolicy;

/** Connections to the workload itself come from here, so that iptables lets them pass. */
const bindFrom = (address: string): Pick<ICluster, 'upstreamBindConfig'> => ({ upstreamBindConfig: { sourceAddress: { address, portValue: 0 } } });
const localSource = (view: View): string => (view.attr('supportsIPv4') ? '127.0.0.6' : '::6');

/** The cluster of one port of the workload, whatever services lead there. */
function buildInbound(view: View, targets: readonly ServiceTarget[]): ICluster {
  const [first] = targets as readonly [ServiceTarget, ...ServiceTarget[]];
  const rule = destinationRule(view, first.service, 'inbound');
  const pool = mergeTrafficPolicy(undefined, rule?.rule.trafficPolicy, first.port.port)?.connectionPool ?? {};
  const common = buildCommonHttpOptions(pool);
  const chosen = pool.http?.useClientProtocol ? useDownstreamProtocol : protocolOptions(first.port, true);
  // of services that lead here by another port of theirs, telemetry is not told
  const services = [...new Map(targets.filter(({ port }) => port.port === first.port.port).map(({ service }) => [`${service.hostname}|${service.namespace}`, service])).values()];
  return {
    name: `inbound|${first.targetPort}||`,
    type: ORIGINAL_DST,
    connectTimeout: duration(pool.tcp?.connectTimeout ?? setting(view, 'connectTimeout') ?? 10),
    lbPolicy: CLUSTER_PROVIDED,
    ...buildCircuitBreakers(pool),
    ...buildKeepalive(setting(view, 'tcpKeepalive'), pool.tcp?.tcpKeepalive),
    ...bindFrom(localSource(view)),
    commonLbConfig: {},
    ...clusterMetadata({ services, ...(rule?.rule.trafficPolicy ? { rule } : {}) }),
    ...(chosen || common ? httpProtocolOptions({ ...(chosen ?? { explicitHttpConfig: { httpProtocolOptions: {} } }), ...(common ? { commonHttpProtocolOptions: common } : {}) }) : {}),
  };
}

export const inboundClusters = worldQuery('inbound-clusters', (view): readonly XdsResource[] => {
  if (view.attr('type') !== 'sidecar') return [];
  const byPort = groupBy(view.query(serviceTargets, ''), ({ targetPort }) => targetPort);
  return [...byPort].sort(([a], [b]) => a - b).map(([, targets]) => {
    const cluster = buildInbound(view, targets);
    return xdsResource(cluster.name ?? '', encode(Cluster, cluster));
  });
}, { equals: sameResources });

/** Clusters that every proxy has, whatever the mesh: nowhere, anywhere, and the workload's undeclared ports. */
export const fixedClusters = worldQuery('fixed-clusters', (view): readonly XdsResource[] => {
  const connectTimeout = duration(setting(view, 'connectTimeout') ?? 10);
  const passthrough = (name: string): ICluster => ({
    name, type: ORIGINAL_DST, connectTimeout, lbPolicy: CLUSTER_PROVIDED, ...buildCircuitBreakers(),
    ...buildKeepalive(setting(view, 'tcpKeepalive'), undefined),
    ...httpProtocolOptions({ ...useDownstreamProtocol, commonHttpProtocolOptions: { idleTimeout: duration(300) } }),
  });
  const clusters: ICluster[] = [{ name: 'BlackHoleCluster', type: STATIC, connectTimeout }];
  if (view.attr('type') === 'sidecar') {
    clusters.push({ ...passthrough('PassthroughCluster'), ...(view.attr('istioExtensions') ? { filters: [metadataExchange()] } : {}) });
    if (view.attr('supportsIPv4')) clusters.push({ ...passthrough('InboundPassthroughClusterIpv4'), ...bindFrom('127.0.0.6') });
    if (view.attr('supportsIPv6')) clusters.push({ ...passthrough('InboundPassthroughClusterIpv6'), ...bindFrom('::6') });
  }
  return clusters.map((cluster) => xdsResource(cluster.name ?? '', encode(Cluster, cluster)));
}, { equals: sameResources });
