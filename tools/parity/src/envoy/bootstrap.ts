import type { KeyAndCertificate } from '@flotilla/pki';
import type { ScenarioProxy } from '../xds/scenario.ts';

export interface BootstrapOptions {
  readonly proxy: ScenarioProxy;
  /** host:port of pilot's port for who shows a certificate. */
  readonly discovery: string;
  readonly certificate: KeyAndCertificate;
  readonly sdsSocket: string;
}

const http2 = {
  'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
    '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
    explicit_http_config: { http2_protocol_options: {} },
  },
};
const assignment = (name: string, address: unknown): unknown => ({
  cluster_name: name,
  endpoints: [{ lb_endpoints: [{ endpoint: { address } }] }],
});
const cluster = (name: string, address: unknown, more: object = {}): unknown => ({
  name,
  type: 'STATIC',
  typed_extension_protocol_options: http2,
  load_assignment: assignment(name, address),
  ...more,
});

/**
 * What an Envoy starts with that plays a proxy of a scenario: its node, pilot, and an agent's socket for its
 * certificate. Its extensions it lists itself.
 */
export function buildBootstrap({
  proxy,
  discovery,
  certificate: { key, cert, roots },
  sdsSocket,
}: BootstrapOptions): unknown {
  const [address, port] = discovery.split(':');
  const { id, cluster: of, metadata, locality } = proxy.node;
  const source = { ads: {}, initial_fetch_timeout: '0s', resource_api_version: 'V3' };
  const inline = (text: string) => ({ inline_string: text });
  const tls = {
    '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext',
    common_tls_context: {
      tls_certificates: [{ certificate_chain: inline(cert), private_key: inline(key) }],
      validation_context: { trusted_ca: inline(roots) },
    },
  };
  return {
    node: {
      id,
      cluster: of,
      metadata,
      ...(locality ? { locality: { region: locality.region, zone: locality.zone, sub_zone: locality.subZone } } : {}),
    },
    admin: { address: { socket_address: { address: '127.0.0.1', port_value: 0 } } },
    // What the agent's bootstrap allows for regular expressions, as Istio's does; Envoy's own limit is 100.
    layered_runtime: {
      layers: [{ name: 'istio', static_layer: { 're2.max_program_size.error_level': '32768' } }],
    },
    dynamic_resources: {
      cds_config: source,
      lds_config: source,
      ads_config: {
        api_type: 'GRPC',
        set_node_on_first_message_only: true,
        transport_api_version: 'V3',
        grpc_services: [{ envoy_grpc: { cluster_name: 'xds-grpc' } }],
      },
    },
    static_resources: {
      clusters: [
        cluster(
          'xds-grpc',
          { socket_address: { address, port_value: Number(port) } },
          { transport_socket: { name: 'envoy.transport_sockets.tls', typed_config: tls } },
        ),
        cluster('sds-grpc', { pipe: { path: sdsSocket } }),
        // Clusters that pilot takes for granted in a sidecar's bootstrap.
        ...['agent', 'prometheus_stats', 'zipkin', 'envoy_metrics_service', 'envoy_accesslog_service'].map((name) =>
          cluster(name, { socket_address: { address: '127.0.0.1', port_value: 9 } }),
        ),
      ],
    },
  };
}
