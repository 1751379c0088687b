import type { ConnectionPoolSettings, TcpKeepalive } from '@flotilla/model';
import { duration, u32, type envoy } from '@flotilla/proto-gen/envoy';

type ICluster = envoy.config.cluster.v3.ICluster;
const unlimited = 2 ** 32 - 1;
const orUnlimited = (limit: number | undefined): ReturnType<typeof u32> => u32(limit && limit > 0 ? limit : unlimited);

/** Limits of a cluster; what is not limited is not limited at all, unlike Envoy's own defaults. */
export const buildCircuitBreakers = (pool?: ConnectionPoolSettings): Pick<ICluster, 'circuitBreakers'> => ({
  circuitBreakers: {
    thresholds: [
      {
        maxConnections: orUnlimited(pool?.tcp?.maxConnections),
        maxPendingRequests: orUnlimited(pool?.http?.http1MaxPendingRequests),
        maxRequests: orUnlimited(pool?.http?.http2MaxRequests),
        maxRetries: orUnlimited(pool?.http?.maxRetries),
        trackRemaining: true,
      },
    ],
  },
});

/** The mesh's keepalive, each member overridden by the pool's. */
export function buildKeepalive(
  mesh: TcpKeepalive | undefined,
  own: TcpKeepalive | undefined,
): Pick<ICluster, 'upstreamConnectionOptions'> {
  if (!mesh && !own) return {};
  const probes = own?.probes || mesh?.probes;
  const [time, interval] = [own?.time ?? mesh?.time, own?.interval ?? mesh?.interval];
  return {
    upstreamConnectionOptions: {
      tcpKeepalive: {
        ...(probes ? { keepaliveProbes: u32(probes) } : {}),
        ...(time !== undefined ? { keepaliveTime: u32(Math.trunc(time)) } : {}),
        ...(interval !== undefined ? { keepaliveInterval: u32(Math.trunc(interval)) } : {}),
      },
    },
  };
}

/** Timeouts and limits of single connections. */
export function buildCommonHttpOptions({
  tcp,
  http,
}: ConnectionPoolSettings): envoy.config.core.v3.IHttpProtocolOptions | undefined {
  const options = {
    ...(http?.idleTimeout !== undefined ? { idleTimeout: duration(http.idleTimeout) } : {}),
    ...(http?.maxRequestsPerConnection && http.maxRequestsPerConnection > 0
      ? { maxRequestsPerConnection: u32(http.maxRequestsPerConnection) }
      : {}),
    ...(tcp?.maxConnectionDuration !== undefined ? { maxConnectionDuration: duration(tcp.maxConnectionDuration) } : {}),
  };
  return Object.keys(options).length > 0 ? options : undefined;
}
