import type {
  ClientTLSSettings,
  ConnectionPoolSettings,
  LocalityLoadBalancerSetting,
  MeshConfig,
  TrafficPolicy,
} from '@flotilla/model';
import type { Service, ServicePort } from '@flotilla/pilot-registry';
import { duration, envoy, struct } from '@flotilla/proto-gen/envoy';
import { typedConfig } from '../finish/typed-config.ts';
import { statName } from '../telemetry/stat-name.ts';
import { buildUpstreamTls, socketMatches, tlsSocket } from '../tls/upstream.ts';
import { isHttp, isHttp2, isUnsupported } from '@flotilla/rules';
import { buildCircuitBreakers, buildCommonHttpOptions, buildKeepalive } from './connection-pool.ts';
import { buildLoadBalancer, localitySetting } from './load-balancer.ts';
import { buildOutlierDetection } from './outlier-detection.ts';

type ICluster = envoy.config.cluster.v3.ICluster;
type IHttpProtocolOptions = envoy.extensions.upstreams.http.v3.IHttpProtocolOptions;
const { HEALTHY, DRAINING, UNKNOWN, DEGRADED } = envoy.config.core.v3.HealthStatus;
const { EDS, ORIGINAL_DST } = envoy.config.cluster.v3.Cluster.DiscoveryType;
const optionsName = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';

/** The part of the mesh configuration that clusters read. */
export type ClusterMesh = Pick<
  MeshConfig,
  | 'connectTimeout'
  | 'tcpKeepalive'
  | 'localityLbSetting'
  | 'h2UpgradePolicy'
  | 'dnsRefreshRate'
  | 'tlsDefaults'
  | 'outboundClusterStatName'
>;

export const metadataExchange = (): envoy.config.cluster.v3.IFilter => ({
  name: 'istio.metadata_exchange',
  typedConfig: metadataExchangeConfig,
});
const metadataExchangeConfig = typedConfig(envoy.tcp.metadataexchange.config.MetadataExchange, {
  protocol: 'istio-peer-exchange',
});

export const httpProtocolOptions = (
  options: IHttpProtocolOptions,
): Pick<ICluster, 'typedExtensionProtocolOptions'> => ({
  typedExtensionProtocolOptions: {
    [optionsName]: typedConfig(envoy.extensions.upstreams.http.v3.HttpProtocolOptions, options),
  },
});

/** Which HTTP a cluster speaks; `downstream` is what its client spoke. */
export type UpstreamProtocol = 'http1' | 'http2' | 'downstream';
/** As Envoy's settings; HTTP/1.1 is its default. */
export const protocolOptions: Readonly<Record<UpstreamProtocol, IHttpProtocolOptions | undefined>> = {
  http1: undefined,
  http2: { explicitHttpConfig: { http2ProtocolOptions: {} } },
  downstream: { useDownstreamProtocolConfig: { httpProtocolOptions: {}, http2ProtocolOptions: {} } },
};

/** Istio's metadata of a cluster: the services it is for, its subset, the DestinationRule that shaped it. */
export const clusterMetadata = (of: {
  services: readonly Pick<Service, 'hostname' | 'name' | 'namespace'>[];
  subset?: string;
  rule?: { name: string; namespace: string };
  ownAlpn?: boolean;
}): Pick<ICluster, 'metadata'> => ({
  metadata: {
    filterMetadata: {
      istio: struct({
        services: of.services.map(({ hostname, name, namespace }) => ({ host: hostname, name, namespace })),
        ...(of.subset ? { subset: of.subset } : {}),
        ...(of.ownAlpn ? { alpn_override: 'false' } : {}),
        ...(of.rule
          ? {
              config: `/apis/networking.istio.io/v1alpha3/namespaces/${of.rule.namespace}/destination-rule/${of.rule.name}`,
            }
          : {}),
      }),
    },
  },
});

/** What a port's protocol says, before any policy; one that is not declared is sniffed, where that is done. */
export const portProtocol = ({ protocol }: ServicePort, sniffs: boolean): UpstreamProtocol =>
  isHttp2(protocol) ? 'http2' : isUnsupported(protocol) && sniffs ? 'downstream' : 'http1';

/** What an outbound cluster speaks, policies included (Istio's setH2Options and shouldH2Upgrade). */
export function outboundProtocol(
  port: ServicePort,
  {
    pool,
    sniffs,
    meshUpgrades,
  }: { readonly pool: ConnectionPoolSettings; readonly sniffs: boolean; readonly meshUpgrades: boolean },
): UpstreamProtocol {
  const upgrade = pool.http?.h2UpgradePolicy ?? 'DEFAULT';
  // A rule knows what its port speaks; the mesh's setting is for ports that are declared. Either outweighs the client's
  // protocol.
  if (upgrade === 'UPGRADE' || (upgrade === 'DEFAULT' && meshUpgrades && isHttp(port.protocol))) return 'http2';
  return pool.http?.useClientProtocol ? 'downstream' : portProtocol(port, sniffs);
}

export interface OutboundCluster {
  readonly name: string;
  readonly type: number;
  readonly service: Service;
  readonly port: ServicePort;
  readonly subset?: string;
  readonly policy?: TrafficPolicy;
  readonly rule?: { readonly name: string; readonly namespace: string };
  /** Needed for DNS clusters: their endpoints. */
  readonly loadAssignment?: envoy.config.endpoint.v3.IClusterLoadAssignment;
  readonly dnsLookupFamily: number;
  readonly mesh: ClusterMesh;
  /** The TLS in force, and whether it holds only for endpoints that have a sidecar. */
  readonly tls?: { readonly settings: ClientTLSSettings; readonly automatic: boolean; readonly credentials: boolean };
  /** Whether something other than pilot serves the proxy's secrets whose names ask for it. */
  readonly credentialSocket: boolean;
  /** Whether requests of existing sessions still go to an endpoint that takes no new ones. */
  readonly keepsDraining: boolean;
  readonly sniffs: boolean;
  readonly istioExtensions: boolean;
}

/** An outbound cluster (Istio's buildDefaultCluster, then applyTrafficPolicy). */
export function buildOutboundCluster(of: OutboundCluster): ICluster {
  const { policy, mesh } = of;
  const pool: ConnectionPoolSettings = policy?.connectionPool ?? {};
  const locality = localitySetting(mesh.localityLbSetting, policy?.loadBalancer?.localityLbSetting);
  const balancer = buildLoadBalancer(of.type, policy?.loadBalancer, { redis: false });
  const type = balancer.type ?? of.type;
  const http = outboundHttp(of, pool);
  return {
    name: of.name,
    ...(mesh.outboundClusterStatName
      ? { altStatName: statName(mesh.outboundClusterStatName, { ...of, targetPort: 0 }) }
      : {}),
    type,
    connectTimeout: duration(pool.tcp?.connectTimeout ?? mesh.connectTimeout ?? 10),
    ...(type === EDS
      ? {
          edsClusterConfig: {
            serviceName: of.name,
            edsConfig: {
              ads: {},
              initialFetchTimeout: duration(0),
              resourceApiVersion: envoy.config.core.v3.ApiVersion.V3,
            },
          },
        }
      : {}),
    ...(of.loadAssignment && type !== ORIGINAL_DST ? { loadAssignment: of.loadAssignment } : {}),
    ...(of.loadAssignment
      ? {
          dnsRefreshRate: duration(mesh.dnsRefreshRate ?? 60),
          respectDnsTtl: true,
          dnsLookupFamily: of.dnsLookupFamily,
        }
      : {}),
    ...buildCircuitBreakers(pool),
    ...buildKeepalive(mesh.tcpKeepalive, pool.tcp?.tcpKeepalive),
    ...balancer,
    ...(policy?.outlierDetection ? { outlierDetection: buildOutlierDetection(policy.outlierDetection) } : {}),
    ...commonLb(of, locality),
    // The ALPN of the mesh means nothing to a server that isn't in it.
    ...clusterMetadata({
      services: [of.service],
      subset: of.subset,
      rule: of.rule,
      ownAlpn: policy?.tls?.mode === 'SIMPLE' || policy?.tls?.mode === 'MUTUAL',
    }),
    ...outboundTls(of, { type, http2: http?.explicitHttpConfig?.http2ProtocolOptions != null }),
    ...(http ? httpProtocolOptions(http) : {}),
    ...(of.istioExtensions ? { filters: [metadataExchange()] } : {}),
  };
}

function commonLb(
  { keepsDraining, policy }: OutboundCluster,
  locality: LocalityLoadBalancerSetting | undefined,
): Pick<ICluster, 'commonLbConfig'> {
  const { outlierDetection } = policy ?? {};
  return {
    commonLbConfig: {
      ...(locality ? { localityWeightedLbConfig: {} } : {}),
      ...(outlierDetection && (outlierDetection.minHealthPercent ?? 0) >= 0
        ? { healthyPanicThreshold: { value: outlierDetection.minHealthPercent ?? 0 } }
        : {}),
      ...(keepsDraining ? { overrideHostStatus: { statuses: [HEALTHY, DRAINING, UNKNOWN, DEGRADED] } } : {}),
    },
  };
}

function outboundHttp(
  { port, sniffs, mesh }: OutboundCluster,
  pool: ConnectionPoolSettings,
): IHttpProtocolOptions | undefined {
  const chosen =
    protocolOptions[outboundProtocol(port, { pool, sniffs, meshUpgrades: mesh.h2UpgradePolicy === 'UPGRADE' })];
  const common = buildCommonHttpOptions(pool);
  return chosen || common
    ? {
        ...(chosen ?? { explicitHttpConfig: { httpProtocolOptions: {} } }),
        ...(common ? { commonHttpProtocolOptions: common } : {}),
      }
    : undefined;
}

/** Automatic mTLS is decided per endpoint, except where the endpoints aren't known to Envoy. */
function outboundTls(
  { tls, credentialSocket, istioExtensions, mesh }: OutboundCluster,
  { type, http2 }: { type: number; http2: boolean },
): Pick<ICluster, 'transportSocket' | 'transportSocketMatches'> {
  if (!tls) return {};
  const context = buildUpstreamTls(tls.settings, {
    http2,
    peerExchange: istioExtensions,
    credentials: tls.credentials,
    credentialSocket,
    defaults: mesh.tlsDefaults,
  });
  if (!context) return {};
  const socket = tlsSocket(context);
  return !tls.automatic || type === ORIGINAL_DST
    ? { transportSocket: socket }
    : { transportSocketMatches: socketMatches(socket) };
}
