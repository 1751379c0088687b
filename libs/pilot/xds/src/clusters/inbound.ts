import {
  destinationRule,
  hasCredentialSocket,
  inboundPort,
  inboundPorts,
  scopeOwner,
  setting,
  worldQuery,
  type InboundPort,
  type View,
} from '@flotilla/pilot-world';
import { duration, envoy } from '@flotilla/proto-gen/envoy';
import { member } from '@flotilla/query';
import { finish } from '../finish/finish.ts';
import { listOf, namingQuery } from '../members.ts';
import { sameResource, type XdsResource } from '../resource.ts';
import { statName } from '../telemetry/stat-name.ts';
import { externalSdsCluster } from '../tls/sds.ts';
import { clusterMetadata, httpProtocolOptions, metadataExchange, portProtocol, protocolOptions } from './build.ts';
import { buildCircuitBreakers, buildCommonHttpOptions, buildKeepalive } from './connection-pool.ts';
import { mergeTrafficPolicy } from './traffic-policy.ts';

const { Cluster } = envoy.config.cluster.v3;
type ICluster = envoy.config.cluster.v3.ICluster;
const { ORIGINAL_DST, STATIC } = Cluster.DiscoveryType;
const { CLUSTER_PROVIDED } = Cluster.LbPolicy;

/** Connections to the workload itself come from here, so that iptables lets them pass. */
const bindFrom = (address: string): Pick<ICluster, 'upstreamBindConfig'> => ({
  upstreamBindConfig: { sourceAddress: { address, portValue: 0 } },
});
const localSource = (view: View): string => (view.attr('supportsIPv4') ? '127.0.0.6' : '::6');

/** Where a Sidecar's listener leads: an address is given, so Envoy needs no other. Its own host is reached as it is. */
function fixedEndpoint(
  view: View,
  name: string,
  endpoint: NonNullable<NonNullable<InboundPort['ingress']>['endpoint']>,
): ICluster {
  const address =
    'path' in endpoint
      ? { pipe: { path: endpoint.path } }
      : { socketAddress: { address: endpoint.address, portValue: endpoint.port } };
  const isLocal = 'address' in endpoint && (endpoint.address === '127.0.0.1' || endpoint.address === '::1');
  return {
    type: STATIC,
    loadAssignment: { clusterName: name, endpoints: [{ lbEndpoints: [{ endpoint: { address } }] }] },
    ...(isLocal ? {} : bindFrom(localSource(view))),
  };
}

/** The cluster of one port of the workload, whatever services lead there. */
function buildInbound(view: View, inbound: InboundPort): ICluster {
  const { port, owner, services, ingress } = inbound;
  const name = `inbound|${inbound.number}||`;
  const known = view.query(scopeOwner, owner.hostname);
  const rule = known && destinationRule(view, known, 'inbound');
  const pattern = setting(view, 'inboundClusterStatName');
  const pool = mergeTrafficPolicy(undefined, rule?.rule.trafficPolicy, port.port)?.connectionPool ?? {};
  const common = buildCommonHttpOptions(pool);
  const chosen = protocolOptions[pool.http?.useClientProtocol ? 'downstream' : portProtocol(port, true)];
  const where: ICluster = ingress?.endpoint
    ? fixedEndpoint(view, name, ingress.endpoint)
    : { type: ORIGINAL_DST, lbPolicy: CLUSTER_PROVIDED, ...bindFrom(localSource(view)) };
  return {
    name,
    ...(pattern ? { altStatName: statName(pattern, { service: owner, port, targetPort: inbound.number }) } : {}),
    ...where,
    connectTimeout: duration(pool.tcp?.connectTimeout ?? setting(view, 'connectTimeout') ?? 10),
    ...buildCircuitBreakers(pool),
    ...buildKeepalive(setting(view, 'tcpKeepalive'), pool.tcp?.tcpKeepalive),
    commonLbConfig: {},
    ...(ingress ? {} : clusterMetadata({ services, ...(rule?.rule.trafficPolicy ? { rule } : {}) })),
    ...(chosen || common
      ? httpProtocolOptions({
          ...(chosen ?? { explicitHttpConfig: { httpProtocolOptions: {} } }),
          ...(common ? { commonHttpProtocolOptions: common } : {}),
        })
      : {}),
  };
}

/** Key: the port's number. */
const inboundCluster = worldQuery(
  'inbound-cluster',
  (view, number): XdsResource | undefined => {
    const inbound = view.query(inboundPort, number);
    const cluster = inbound && buildInbound(view, inbound);
    return cluster && finish(view, { kind: 'cds', name: cluster.name ?? '', message: cluster });
  },
  { equals: sameResource },
);

export const inboundClusters = namingQuery('inbound-clusters', (view) => {
  if (view.attr('type') !== 'sidecar') return listOf([]);
  return listOf(
    view
      .query(inboundPorts, '')
      .map(({ number }) => member(inboundCluster, String(number), { name: `inbound|${number}||` })),
  );
});

/** The socket at which another than pilot serves a proxy's secrets (Istio's buildExternalSDSCluster). */
const externalSecrets = (connectTimeout: ReturnType<typeof duration>): ICluster => ({
  name: externalSdsCluster,
  type: STATIC,
  connectTimeout,
  loadAssignment: {
    clusterName: externalSdsCluster,
    endpoints: [
      { lbEndpoints: [{ endpoint: { address: { pipe: { path: './var/run/secrets/credential-uds/socket' } } } }] },
    ],
  },
  ...httpProtocolOptions({ explicitHttpConfig: { http2ProtocolOptions: {} } }),
});

const passthrough = (view: View, name: string): ICluster => ({
  name,
  type: ORIGINAL_DST,
  connectTimeout: connectTimeout(view),
  lbPolicy: CLUSTER_PROVIDED,
  ...buildCircuitBreakers(),
  ...buildKeepalive(setting(view, 'tcpKeepalive'), undefined),
  ...httpProtocolOptions({
    ...protocolOptions.downstream,
    commonHttpProtocolOptions: { idleTimeout: duration(300) },
  }),
});
const connectTimeout = (view: View): ReturnType<typeof duration> => duration(setting(view, 'connectTimeout') ?? 10);

/** By their names: nowhere, anywhere, the workload's undeclared ports, another server of secrets. */
const fixed: Readonly<Record<string, (view: View) => ICluster>> = {
  BlackHoleCluster: (view) => ({ name: 'BlackHoleCluster', type: STATIC, connectTimeout: connectTimeout(view) }),
  PassthroughCluster: (view) => ({
    ...passthrough(view, 'PassthroughCluster'),
    ...(view.attr('istioExtensions') ? { filters: [metadataExchange()] } : {}),
  }),
  InboundPassthroughClusterIpv4: (view) => ({
    ...passthrough(view, 'InboundPassthroughClusterIpv4'),
    ...bindFrom('127.0.0.6'),
  }),
  InboundPassthroughClusterIpv6: (view) => ({
    ...passthrough(view, 'InboundPassthroughClusterIpv6'),
    ...bindFrom('::6'),
  }),
  [externalSdsCluster]: (view) => externalSecrets(connectTimeout(view)),
};
const fixedCluster = worldQuery(
  'fixed-cluster',
  (view, name): XdsResource | undefined => {
    const cluster = fixed[name]?.(view);
    return cluster && finish(view, { kind: 'cds', name, message: cluster });
  },
  { equals: sameResource },
);

/** Clusters that every proxy has, whatever the mesh. */
export const fixedClusters = namingQuery('fixed-clusters', (view) => {
  const ofSidecars =
    view.attr('type') === 'sidecar'
      ? [
          'PassthroughCluster',
          ...(view.attr('supportsIPv4') ? ['InboundPassthroughClusterIpv4'] : []),
          ...(view.attr('supportsIPv6') ? ['InboundPassthroughClusterIpv6'] : []),
        ]
      : [];
  const names = ['BlackHoleCluster', ...ofSidecars, ...(hasCredentialSocket(view) ? [externalSdsCluster] : [])];
  return listOf(names.map((name) => member(fixedCluster, name, { name })));
});
