import type { ClientTLSSettings, MeshProxyConfig } from '@flotilla/model';
import { err, ok, type Result } from '@flotilla/std';

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
  readonly tls?: RemoteTls;
  readonly keepalive?: TcpKeepalive;
}
/** How a service outside the mesh is reached over TLS. */
export interface RemoteTls {
  readonly settings: ClientTLSSettings | undefined;
  /** The server name where ISTIO_MUTUAL names none. */
  readonly defaultSni: string;
  /** The node's metadata: TLS_CLIENT_* takes the place of the files in the settings. */
  readonly metadata: Readonly<Record<string, unknown>>;
}
type TcpKeepalive = NonNullable<NonNullable<MeshProxyConfig['envoyMetricsService']>['tcpKeepalive']>;
/** Envoy's socket_address. */
export interface SocketAddress {
  readonly address: string;
  readonly port_value: number;
}

/**
 * Reads host:port; `$(HOST_IP)` is the variable HOST_IP, since Kubernetes replaces it only in a container's arguments.
 * Fails with the name of what has the address.
 */
export function parseSocketAddress(text: string, owner: string, hostIp: string | undefined): Result<SocketAddress> {
  const [, bracketed, plain, port = ''] = /^(?:\[([^\]]*)\]|([^:[\]]*)):([^:]*)$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined) return err(`unable to parse ${owner} address "${text}": expected host:port`);
  return ok({ address: host === '$(HOST_IP)' && hostIp ? hostIp : host, port_value: Number(port) });
}

/** A service outside the mesh that Envoy itself calls: tracing collector, metrics or access log service. */
export function remoteCluster(
  name: string,
  address: SocketAddress,
  { dnsLookupFamily, grpc = false, refresh, tls, keepalive }: RemoteOptions,
): Json {
  const socket = tls && tlsSocket({ grpc, ...tls });
  return {
    name,
    type: 'STRICT_DNS',
    ...(grpc ? http2 : {}),
    ...(socket ? { transport_socket: socket } : {}),
    ...(keepalive ? { upstream_connection_options: { tcp_keepalive: tcpKeepalive(keepalive) } } : {}),
    respect_dns_ttl: true,
    dns_lookup_family: dnsLookupFamily,
    ...(refresh ? { dns_refresh_rate: refresh } : {}),
    connect_timeout: '1s',
    lb_policy: 'ROUND_ROBIN',
    ...assignment(name, { socket_address: address }),
  };
}

/** Settings that are given and not zero, written as the messages that Envoy's wrapper types are. */
const tcpKeepalive = ({ probes, time, interval }: TcpKeepalive): Json =>
  Object.fromEntries(
    Object.entries({ keepalive_probes: probes, keepalive_time: time, keepalive_interval: interval })
      .map(([name, value]): [string, number] => [name, Math.trunc(value ?? 0)])
      .filter(([, value]) => value > 0)
      .map(([name, value]) => [name, { value }]),
  );

/** A secret of the agent's. Envoy waits for the workload's own for as long as it takes. */
const sdsSecret = (name: string): Json => ({
  name,
  sds_config: {
    ...(name === 'default' || name === 'ROOTCA' ? { initial_fetch_timeout: '0s' } : {}),
    resource_api_version: 'V3',
    api_config_source: {
      api_type: 'GRPC',
      grpc_services: [{ envoy_grpc: { cluster_name: 'sds-grpc' } }],
      set_node_on_first_message_only: true,
      transport_api_version: 'V3',
    },
  },
});

/** The TLS of such a service (tlsContextConvert): files come through SDS, so that they are followed. */
function tlsSocket({ settings, defaultSni, metadata, grpc }: RemoteTls & { readonly grpc: boolean }): Json | undefined {
  const { mode = 'DISABLE', sni, subjectAltNames = [] } = settings ?? {};
  if (mode === 'DISABLE') return undefined;
  const isMesh = mode === 'ISTIO_MUTUAL';
  const file = (name: string, given: string | undefined): string => String(metadata[name] ?? given ?? '');
  const certificate = file('TLS_CLIENT_CERT_CHAIN', settings?.clientCertificate);
  const key = file('TLS_CLIENT_KEY', settings?.privateKey);
  const root = file('TLS_CLIENT_ROOT_CERT', settings?.caCertificates);
  const ownSecret = isMesh
    ? 'default'
    : mode === 'MUTUAL' && certificate && key
      ? `file-cert:${certificate}~${key}`
      : '';
  const rootSecret = isMesh ? 'ROOTCA' : root ? `file-root:${root}` : '';
  const serverName = sni || (isMesh ? defaultSni : '');
  return {
    name: 'envoy.transport_sockets.tls',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext',
      common_tls_context: {
        ...(ownSecret ? { tls_certificate_sds_secret_configs: [sdsSecret(ownSecret)] } : {}),
        combined_validation_context: {
          default_validation_context:
            subjectAltNames.length > 0 ? { match_subject_alt_names: subjectAltNames.map((exact) => ({ exact })) } : {},
          ...(rootSecret ? { validation_context_sds_secret_config: sdsSecret(rootSecret) } : {}),
        },
        ...(grpc ? { alpn_protocols: isMesh ? ['istio', 'h2'] : ['h2'] } : {}),
      },
      ...(serverName ? { sni: serverName } : {}),
    },
  };
}
