import type { MeshProxyConfig } from '@flotilla/model';
import { err, ok, readJson } from '@flotilla/std';
import type { Result } from '@flotilla/std';
import type { AddressFamily } from './addresses.ts';
import { localCluster, parseSocketAddress, pipeCluster, remoteCluster, xdsCluster } from './clusters.ts';
import type { Json, SocketAddress } from './clusters.ts';
import { pathListener } from './listeners.ts';
import type { Node } from './metadata.ts';
import { buildStatsConfig } from './stats.ts';
import { buildTracing } from './tracing.ts';

export interface BootstrapInput {
  readonly node: Node;
  readonly proxyConfig: MeshProxyConfig;
  readonly instanceIps: readonly string[];
  readonly family: AddressFamily;
  /** The address of the pod's node, for `$(HOST_IP)`. */
  readonly hostIp?: string;
  readonly envoyStatusPort: number;
  readonly envoyPrometheusPort: number;
  readonly deltaXds: boolean;
  /** A waypoint requests workloads (metadata discovery) and always uses delta xDS. */
  readonly waypoint: boolean;
  readonly outlierLogPath?: string;
  readonly loadStatsConfig?: string;
  readonly stsPort?: number;
  readonly exitOnZeroActiveConnections: boolean;
  /** HTTP_STRIP_FRAGMENT_FROM_PATH_UNSAFE_IF_DISABLED. */
  readonly stripFragment?: boolean;
  readonly xdsSocket: string;
  readonly sdsSocket: string;
  /** Whether the binary is Istio's build: a stock Envoy refuses extensions that only that has. */
  readonly istioExtensions: boolean;
}
export interface BuiltBootstrap {
  readonly bootstrap: Json;
  /** Files that the bootstrap refers to, by path. */
  readonly files: Readonly<Record<string, string>>;
  readonly warnings: readonly string[];
}

/**
 * Envoy's bootstrap as Istio 1.19 writes it. Fails for tracers that can't work and for malformed
 * ISTIO_META_LOAD_STATS_CONFIG_JSON.
 */
export function buildBootstrap(input: BootstrapInput): Result<BuiltBootstrap> {
  const { node, proxyConfig } = input;
  const { localhost, dnsLookupFamily } = input.family;
  const adminPort = proxyConfig.proxyAdminPort ?? 15000;
  const platform = node.metadata['PLATFORM_METADATA'] as Readonly<Record<string, string>> | undefined;
  const tracing = buildTracing({
    proxyConfig,
    node,
    dnsLookupFamily,
    ...(input.hostIp ? { hostIp: input.hostIp } : {}),
    configPath: proxyConfig.configPath ?? '',
    openCensus: input.istioExtensions,
    ...(input.stsPort ? { stsPort: input.stsPort } : {}),
    ...(platform?.['gcp_project'] === undefined ? {} : { gcpProject: platform['gcp_project'] }),
  });
  if (!tracing.ok) return tracing;
  const manager = clusterManager(input);
  if (!manager.ok) return manager;
  const remote = remoteServices(input);
  if (!remote.ok) return remote;
  const metadataDiscovery = input.waypoint;
  const source: Json = { ads: {}, initial_fetch_timeout: '0s', resource_api_version: 'V3' };
  const bootstrap: Json = {
    node: { id: node.id, cluster: node.cluster, locality: node.locality, metadata: node.metadata },
    layered_runtime: {
      layers: [
        { name: 'global config', static_layer: runtimeValues(input) },
        { name: 'admin', admin_layer: {} },
      ],
    },
    bootstrap_extensions: [
      ...(metadataDiscovery && input.istioExtensions ? [metadataDiscoveryExtension] : []),
      internalListener,
    ],
    stats_config: buildStatsConfig({ ...input, metadataDiscovery }),
    admin: adminInterface(localhost, adminPort),
    dynamic_resources: {
      lds_config: source,
      cds_config: source,
      ads_config: {
        api_type: input.deltaXds || input.waypoint ? 'DELTA_GRPC' : 'GRPC',
        set_node_on_first_message_only: true,
        transport_api_version: 'V3',
        grpc_services: [{ envoy_grpc: { cluster_name: 'xds-grpc' } }],
      },
    },
    static_resources: {
      clusters: [...agentClusters(input, adminPort), ...tracing.value.clusters, ...remote.value.clusters],
      listeners: statusListeners(input),
    },
    ...(tracing.value.tracing ? { tracing: tracing.value.tracing } : {}),
    ...(manager.value ? { cluster_manager: manager.value } : {}),
    ...(remote.value.sinks.length > 0 ? { stats_sinks: remote.value.sinks } : {}),
  };
  return ok({ bootstrap, files: tracing.value.files, warnings: tracing.value.warnings });
}

const adminInterface = (localhost: string, port: number): Json => ({
  access_log: [
    {
      name: 'envoy.access_loggers.file',
      typed_config: {
        '@type': 'type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog',
        path: '/dev/null',
      },
    },
  ],
  profile_path: '/var/lib/istio/data/envoy.prof',
  address: { socket_address: { address: localhost, port_value: port } },
});

/** Envoy's own statistics, the agent's status port and its two sockets. */
const agentClusters = ({ family, proxyConfig, sdsSocket, xdsSocket }: BootstrapInput, adminPort: number): Json[] => [
  localCluster('prometheus_stats', family.localhost, adminPort),
  localCluster('agent', family.localhost, proxyConfig.statusPort ?? 15020),
  pipeCluster('sds-grpc', sdsSocket),
  xdsCluster(xdsSocket),
];

/** The ports at which Prometheus and the kubelet read statistics and readiness. */
const statusListeners = ({ family, envoyPrometheusPort, envoyStatusPort }: BootstrapInput): Json[] => [
  pathListener({
    address: family.wildcard,
    port: envoyPrometheusPort,
    statPrefix: 'stats',
    path: '/stats/prometheus',
    cluster: 'prometheus_stats',
  }),
  pathListener({
    address: family.wildcard,
    port: envoyStatusPort,
    statPrefix: 'agent',
    path: '/healthz/ready',
    cluster: 'agent',
  }),
];

const internalListener: Json = {
  name: 'envoy.bootstrap.internal_listener',
  typed_config: {
    '@type': 'type.googleapis.com/udpa.type.v1.TypedStruct',
    type_url: 'type.googleapis.com/envoy.extensions.bootstrap.internal_listener.v3.InternalListener',
    value: { buffer_size_kb: 64 },
  },
};
const metadataDiscoveryExtension: Json = {
  name: 'metadata_discovery',
  typed_config: {
    '@type': 'type.googleapis.com/udpa.type.v1.TypedStruct',
    type_url: 'type.googleapis.com/istio.workload.BootstrapExtension',
    value: { config_source: { ads: {} } },
  },
};
const metricsSink: Json = {
  name: 'envoy.stat_sinks.metrics_service',
  typed_config: {
    '@type': 'type.googleapis.com/envoy.config.metrics.v3.MetricsServiceConfig',
    transport_api_version: 'V3',
    grpc_service: { envoy_grpc: { cluster_name: 'envoy_metrics_service' } },
  },
};
const statsdSink = (address: SocketAddress): Json => ({
  name: 'envoy.stat_sinks.statsd',
  typed_config: {
    '@type': 'type.googleapis.com/envoy.config.metrics.v3.StatsdSink',
    address: { socket_address: address },
  },
});

/** The clusters of the metrics and the access log service, and the sinks of statistics. */
function remoteServices({ node, proxyConfig, family, hostIp }: BootstrapInput): Result<{
  readonly clusters: readonly Json[];
  readonly sinks: readonly Json[];
}> {
  const { envoyMetricsService, envoyAccessLogService, statsdUdpAddress } = proxyConfig;
  const [clusters, sinks]: [Json[], Json[]] = [[], []];
  if (envoyMetricsService?.address) sinks.push(metricsSink);
  for (const [name, service] of [
    ['envoy_metrics_service', envoyMetricsService],
    ['envoy_accesslog_service', envoyAccessLogService],
  ] as const) {
    if (!service?.address) continue;
    const address = parseSocketAddress(service.address, `${name}_address`, hostIp);
    if (!address.ok) return address;
    clusters.push(
      remoteCluster(name, address.value, {
        dnsLookupFamily: family.dnsLookupFamily,
        grpc: true,
        tls: { settings: service.tlsSettings, defaultSni: name, metadata: node.typed },
        ...(service.tcpKeepalive ? { keepalive: service.tcpKeepalive } : {}),
      }),
    );
  }
  if (statsdUdpAddress) {
    const address = parseSocketAddress(statsdUdpAddress, 'statsd', hostIp);
    if (!address.ok) return address;
    sinks.push(statsdSink(address.value));
  }
  return ok({ clusters, sinks });
}

/** Istio's runtime flags; a given value replaces one, an empty value takes it away. */
function runtimeValues({ proxyConfig, stripFragment = true }: BootstrapInput): Json {
  const values: Record<string, string> = {
    'overload.global_downstream_max_connections': '2147483647',
    'envoy.deprecated_features:envoy.config.listener.v3.Listener.hidden_envoy_deprecated_use_original_dst': 'true',
    're2.max_program_size.error_level': '32768',
    'envoy.reloadable_features.http_reject_path_with_fragment': 'false',
    ...proxyConfig.runtimeValues,
  };
  const kept = stripFragment
    ? {}
    : { 'envoy.reloadable_features.http_strip_fragment_from_path_unsafe_if_disabled': 'false' };
  return {
    ...kept,
    ...Object.fromEntries(
      Object.entries(values)
        .filter(([, value]) => value !== '')
        .map(([name, value]) => [name, value === 'true' ? true : value === 'false' ? false : value]),
    ),
  };
}

function clusterManager({ outlierLogPath, loadStatsConfig }: BootstrapInput): Result<Json | undefined> {
  if (!outlierLogPath && !loadStatsConfig) return ok(undefined);
  const loadStats = loadStatsConfig ? readJson(loadStatsConfig) : ok(undefined);
  if (!loadStats.ok) return err(`ISTIO_META_LOAD_STATS_CONFIG_JSON: ${loadStats.error.message}`);
  return ok({
    ...(outlierLogPath ? { outlier_detection: { event_log_path: outlierLogPath } } : {}),
    ...(loadStatsConfig ? { load_stats_config: loadStats.value } : {}),
  });
}
