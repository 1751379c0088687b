import { httpProxyPort, mesh, setting, sidecarResource, type View } from '@flotilla/pilot-world';
import { bool, duration, envoy, u32 } from '@flotilla/proto-gen/envoy';
import { clusterName } from '../cluster-name.ts';
import { buildSidecarHcm } from '../filters/hcm.ts';
import { blackholeProxy, httpConnectionManager, tcpProxy } from '../filters/network.ts';
import { accessLogFor } from '../telemetry/access-log.ts';
import { statsOf } from '../telemetry/stats.ts';
import { isUnix, loopback, wildcard } from './addresses.ts';
import { connectionBalance } from './balance.ts';
import { httpInspector, tlsInspector } from './inspectors.ts';
import type { Contribution, OutboundEntry, OutboundHttp } from './outbound-entry.ts';

type IListener = envoy.config.listener.v3.IListener;
type IFilterChain = envoy.config.listener.v3.IFilterChain;
type IHttpConnectionManager = envoy.extensions.filters.network.http_connection_manager.v3.IHttpConnectionManager;
const { OUTBOUND } = envoy.config.core.v3.TrafficDirection;

/** Where unknown bytes go: outboundTrafficPolicy of the Sidecar, else of the mesh. */
function unknownCluster(view: View): string {
  const policy = sidecarResource(view)?.spec.outboundTrafficPolicy;
  const { mode } = policy ?? view.query(mesh, '').outboundTrafficPolicy ?? {};
  if (mode !== 'ALLOW_ANY') return 'BlackHoleCluster';
  const { host, subset, port } = policy?.egressProxy ?? {};
  return host ? clusterName('outbound', { host, subset, port: port?.number ?? 0 }) : 'PassthroughCluster';
}

const routesOf = (routeConfigName: string): Pick<IHttpConnectionManager, 'rds'> => ({
  rds: {
    configSource: { ads: {}, initialFetchTimeout: duration(0), resourceApiVersion: envoy.config.core.v3.ApiVersion.V3 },
    routeConfigName,
  },
});

function httpChain(view: View, statPrefix: string, { routes, grpcWeb, inspected }: OutboundHttp): IFilterChain {
  return {
    ...(inspected
      ? { filterChainMatch: { transportProtocol: 'raw_buffer', applicationProtocols: ['http/1.1', 'h2c'] } }
      : {}),
    filters: [httpConnectionManager(buildSidecarHcm(view, 'outbound', { statPrefix, grpcWeb, ...routesOf(routes) }))],
  };
}

export const nameOf = ({ bind, port }: Contribution['key']): string => `${bind}_${port}`;

export function buildListener(view: View, entry: OutboundEntry): IListener {
  const name = nameOf(entry);
  const chains = [...(entry.http ? [httpChain(view, `outbound_${name}`, entry.http)] : []), ...entry.tcp];
  const catchAll = chains.find(({ filterChainMatch }) => !filterChainMatch);
  const filterChains = chains.length > 1 ? chains.filter((chain) => chain !== catchAll) : chains;
  const unknown = unknownCluster(view);
  const passthrough: IFilterChain = {
    name: 'PassthroughFilterChain',
    filterChainMatch: {},
    filters: [...statsOf(view, 'CLIENT', 'tcp'), tcpProxy(view, 'CLIENT', { statPrefix: unknown, cluster: unknown })],
  };
  const defaultFilterChain = !catchAll ? passthrough : chains.length > 1 ? catchAll : undefined;
  const inspects = entry.http?.inspected ?? false;
  const bySni = entry.tcp.some(({ filterChainMatch }) => filterChainMatch?.serverNames?.length);
  const listenerFilters = [...(inspects || bySni ? [tlsInspector] : []), ...(inspects ? [httpInspector] : [])];
  return {
    name,
    address: isUnix(entry.bind)
      ? { pipe: { path: entry.bind.slice('unix://'.length) } }
      : { socketAddress: { address: entry.bind, portValue: entry.port } },
    filterChains,
    ...(defaultFilterChain ? { defaultFilterChain } : {}),
    ...(listenerFilters.length > 0 ? { listenerFilters } : {}),
    // only for the inspection of HTTP is there something to wait for
    listenerFiltersTimeout: duration(inspects ? (setting(view, 'protocolDetectionTimeout') ?? 0) : 0),
    continueOnListenerFiltersTimeout: true,
    ...accessLogFor(view, 'CLIENT', 'listener'),
    trafficDirection: OUTBOUND,
    ...connectionBalance(view, 'OUTBOUND'),
    ...(entry.bindToPort ? {} : { bindToPort: bool(false) }),
  };
}

/** The listener at which a proxy serves as a plain HTTP proxy to the workload. */
export function buildHttpProxy(view: View): IListener {
  const port = httpProxyPort(view);
  const name = `${loopback(view)}_${port}`;
  const hcm = buildSidecarHcm(view, 'outbound', {
    statPrefix: `outbound_${name}`,
    httpProtocolOptions: { allowAbsoluteUrl: bool(true) },
    ...routesOf('http_proxy'),
  });
  return {
    name,
    address: { socketAddress: { address: loopback(view), portValue: port } },
    filterChains: [{ filters: [httpConnectionManager(hcm)] }],
    listenerFiltersTimeout: duration(0),
    continueOnListenerFiltersTimeout: true,
    ...accessLogFor(view, 'CLIENT', 'listener'),
    trafficDirection: OUTBOUND,
    ...connectionBalance(view, 'OUTBOUND'),
  };
}

/**
 * The listener that iptables sends all outbound connections to; it hands them to the one of their destination, or to
 * where unknown ones go.
 */
export function buildVirtualOutbound(view: View): IListener {
  const port = setting(view, 'proxyListenPort') ?? 15001;
  const unknown = unknownCluster(view);
  const tproxy = view.attr('interceptionMode') === 'TPROXY';
  return {
    name: 'virtualOutbound',
    address: { socketAddress: { address: wildcard(view), portValue: port } },
    filterChains: [
      {
        name: 'virtualOutbound-blackhole',
        filterChainMatch: { destinationPort: u32(port) },
        filters: [...statsOf(view, 'CLIENT', 'tcp'), blackholeProxy],
      },
      {
        name: 'virtualOutbound-catchall-tcp',
        filters: [
          ...statsOf(view, 'CLIENT', 'tcp'),
          tcpProxy(view, 'CLIENT', { statPrefix: unknown, cluster: unknown }),
        ],
      },
    ],
    useOriginalDst: bool(true),
    ...accessLogFor(view, 'CLIENT', 'listener'),
    ...(tproxy ? { transparent: bool(true) } : {}),
    trafficDirection: OUTBOUND,
  };
}
