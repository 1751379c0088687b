import type { ClientTLSSettings } from '@flotilla/model';

export type Json = Record<string, unknown>;

const http2: Json = {
  typed_extension_protocol_options: {
    'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
      '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
      explicit_http_config: { http2_protocol_options: {} },
    },
  },
};
const assignment = (name: string, address: Json): Json => ({
  load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: [{ endpoint: { address } }] }] },
});

/** A port of this pod, reached over loopback. */
export const localCluster = (name: string, address: string, port: number): Json => ({
  name,
  type: 'STATIC',
  connect_timeout: '0.250s',
  lb_policy: 'ROUND_ROBIN',
  ...assignment(name, { socket_address: { protocol: 'TCP', address, port_value: port } }),
});

/** A gRPC server of the agent on a Unix socket. */
export const pipeCluster = (name: string, path: string): Json => ({
  name,
  type: 'STATIC',
  ...http2,
  connect_timeout: '1s',
  lb_policy: 'ROUND_ROBIN',
  ...assignment(name, { pipe: { path } }),
});

/** The relay: its streams must never be refused or starved. */
export function xdsCluster(path: string): Json {
  const limits = { max_connections: 100000, max_pending_requests: 100000, max_requests: 100000 };
  return {
    ...pipeCluster('xds-grpc', path),
    circuit_breakers: {
      thresholds: [
        { priority: 'DEFAULT', ...limits },
        { priority: 'HIGH', ...limits },
      ],
    },
    upstream_connection_options: { tcp_keepalive: { keepalive_time: 300 } },
    max_requests_per_connection: 1,
  };
}

export interface RemoteOptions {
  readonly dnsLookupFamily: string;
  readonly grpc?: boolean;
  readonly refresh?: string;
  readonly tls?: ClientTLSSettings;
}

/**
 * A service outside the mesh that Envoy itself calls: tracing collector, metrics or access log service. `address` is
 * host:port.
 */
export function remoteCluster(
  name: string,
  address: string,
  { dnsLookupFamily, grpc = false, refresh, tls }: RemoteOptions,
): Json {
  const at = address.lastIndexOf(':');
  const socket = tlsSocket(tls, grpc);
  return {
    name,
    type: 'STRICT_DNS',
    ...(grpc ? http2 : {}),
    ...(socket ? { transport_socket: socket } : {}),
    respect_dns_ttl: true,
    dns_lookup_family: dnsLookupFamily,
    ...(refresh ? { dns_refresh_rate: refresh } : {}),
    connect_timeout: '1s',
    lb_policy: 'ROUND_ROBIN',
    ...assignment(name, {
      socket_address: {
        address: address.slice(0, at).replace(/^\[(.*)\]$/, '$1'),
        port_value: Number(address.slice(at + 1)),
      },
    }),
  };
}

const sdsSecret = (name: string): Json => ({
  name,
  sds_config: {
    resource_api_version: 'V3',
    api_config_source: {
      api_type: 'GRPC',
      grpc_services: [{ envoy_grpc: { cluster_name: 'sds-grpc' } }],
      set_node_on_first_message_only: true,
      transport_api_version: 'V3',
    },
  },
});

/** The TLS of such a service: files come through SDS, so that they are followed. */
function tlsSocket(tls: ClientTLSSettings | undefined, grpc: boolean): Json | undefined {
  const mode = tls?.mode ?? 'DISABLE';
  if (mode === 'DISABLE') return undefined;
  const { clientCertificate = '', privateKey = '', caCertificates = '', sni = '', subjectAltNames = [] } = tls ?? {};
  const files =
    mode === 'ISTIO_MUTUAL'
      ? { cert: 'default', root: 'ROOTCA' }
      : {
          cert: mode === 'MUTUAL' ? `file-cert:${clientCertificate}~${privateKey}` : undefined,
          root: caCertificates ? `file-root:${caCertificates}` : undefined,
        };
  const sans =
    subjectAltNames.length > 0 ? { match_subject_alt_names: subjectAltNames.map((exact) => ({ exact })) } : {};
  return {
    name: 'envoy.transport_sockets.tls',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext',
      common_tls_context: {
        ...(files.cert ? { tls_certificate_sds_secret_configs: [sdsSecret(files.cert)] } : {}),
        ...(files.root
          ? {
              combined_validation_context: {
                default_validation_context: sans,
                validation_context_sds_secret_config: sdsSecret(files.root),
              },
            }
          : {}),
        ...(grpc ? { alpn_protocols: ['h2'] } : {}),
      },
      ...(sni ? { sni } : {}),
    },
  };
}
