import { ownCertificate, setting, trustDomain, worldQuery, type InboundPort, type View } from '@flotilla/pilot-world';
import { bool, duration, u32, type envoy } from '@flotilla/proto-gen/envoy';
import type { MtlsMode } from '../authn/mtls-mode.ts';
import { customAuthorization, localAuthorization } from '../authz/rbac.ts';
import { buildSidecarHcm } from '../filters/hcm.ts';
import {
  blackholeProxy,
  httpConnectionManager,
  istioAuthn,
  istioMetadataExchange,
  mongoProxy,
  tcpProxy,
} from '../filters/network.ts';
import { statName, type StatNameOf } from '../telemetry/stat-name.ts';
import { statsOf } from '../telemetry/stats.ts';
import { buildMutualTls } from '../tls/downstream.ts';
import { isHttp2 } from '@flotilla/rules';
import { wildcard } from './addresses.ts';
import { chainOptions, listenerProtocol, type ChainOption, type ListenerProtocol } from './chain-match.ts';

type IFilterChain = envoy.config.listener.v3.IFilterChain;
type IFilterChainMatch = envoy.config.listener.v3.IFilterChainMatch;
type IFilter = envoy.config.listener.v3.IFilter;

/** What the chains of one port, or of all undeclared ports, lead to. */
interface Inbound {
  readonly name: { readonly http: string; readonly tcp: string };
  readonly match: IFilterChainMatch;
  readonly cluster: string;
  readonly statPrefix: string;
  /** Of the Service, for the virtual host's name. */
  readonly port: number;
  readonly operation: string;
  readonly routeName: string;
  readonly http2: boolean;
  readonly grpcWeb: boolean;
  readonly mongo: boolean;
}

const tlsOf = worldQuery('inbound-tls', (view, carries: string) =>
  buildMutualTls({
    alpn:
      carries === 'http'
        ? ['h2', 'http/1.1']
        : ['istio-peer-exchange', 'h2', 'http/1.1'].slice(view.attr('istioExtensions') ? 0 : 1),
    trustDomains: [...new Set([trustDomain(view), ...[...(setting(view, 'trustDomainAliases') ?? [])].sort()])],
    meshMTLS: setting(view, 'meshMTLS'),
    files: ownCertificate(view, 'SERVER'),
  }),
);

const nobody: StatNameOf['service'] = { hostname: '', name: '', namespace: '' };
/** Under which name bytes are counted, where the mesh has a pattern. */
const bytesPrefix = (view: View, of: StatNameOf): string | undefined => {
  const pattern = setting(view, 'inboundClusterStatName');
  return pattern ? statName(pattern, of) : undefined;
};

/** One chain of an inbound listener before it is built: told from the others by its match. */
export interface PlannedChain {
  readonly id: string;
  readonly match: IFilterChainMatch;
  readonly inbound: Inbound;
  /** Absent for the chain that leads nowhere. */
  readonly option?: ChainOption;
}

/** The chains of a port, or of all undeclared ports: one for each way of speaking to it. */
const planChains = (
  { inbound, bytes, id }: { readonly inbound: Inbound; readonly bytes: Inbound; readonly id: string },
  options: readonly ChainOption[],
): PlannedChain[] =>
  options.map((option, i) => ({
    id: `${id}/${i}`,
    match: {
      ...inbound.match,
      ...(option.transportProtocol ? { transportProtocol: option.transportProtocol } : {}),
      ...(option.applicationProtocols ? { applicationProtocols: [...option.applicationProtocols] } : {}),
    },
    inbound: option.carries === 'tcp' ? bytes : inbound,
    option,
  }));

/** Builds a chain that has been planned. */
export function buildInboundChain(view: View, { match, inbound, option }: PlannedChain): IFilterChain {
  if (!option)
    return {
      name: inbound.name.tcp,
      filterChainMatch: match,
      filters: [...exchange(view), ...statsOf(view, 'SERVER', 'tcp'), blackholeProxy],
    };
  return {
    name: inbound.name[option.carries],
    filterChainMatch: match,
    filters: [
      ...istioAuthn(view),
      ...exchange(view),
      ...(option.carries === 'http'
        ? [httpFilter(view, inbound)]
        : [
            ...view.query(customAuthorization, 'tcp'),
            ...view.query(localAuthorization, 'tcp'),
            ...statsOf(view, 'SERVER', 'tcp'),
            ...bytesFilters(view, inbound),
          ]),
    ],
    ...(option.mtls ? { transportSocket: view.query(tlsOf, option.carries) } : {}),
  };
}

const bytesFilters = (view: View, { statPrefix, cluster, mongo }: Inbound): IFilter[] => [
  ...(mongo ? [mongoProxy(statPrefix)] : []),
  tcpProxy(view, 'SERVER', { statPrefix, cluster }),
];

const exchange = (view: View): IFilter[] => (view.attr('istioExtensions') ? [istioMetadataExchange()] : []);

function httpFilter(view: View, { cluster, statPrefix, port, operation, routeName, http2, grpcWeb }: Inbound): IFilter {
  const route: envoy.config.route.v3.IRoute = {
    name: 'default',
    match: { prefix: '/' },
    route: {
      cluster,
      timeout: duration(0),
      maxStreamDuration: { maxStreamDuration: duration(0), grpcTimeoutHeaderMax: duration(0) },
    },
    decorator: { operation },
  };
  return httpConnectionManager(
    buildSidecarHcm(view, 'inbound', {
      statPrefix,
      grpcWeb,
      ...(http2 ? { http2ProtocolOptions: {} } : {}),
      routeConfig: {
        name: routeName,
        virtualHosts: [{ name: `inbound|http|${port}`, domains: ['*'], routes: [route] }],
        validateClusters: bool(false),
      },
    }),
  );
}

/** Chains of a port that Services or the Sidecar declare. */
export function planPort(view: View, { number, port, service, ingress }: InboundPort, mode: MtlsMode): PlannedChain[] {
  const bind = ingress?.address ?? wildcard(view);
  const cluster = `inbound|${number}||`;
  // Istio gives a UDP port chains as for TCP's bytes
  const protocol: ListenerProtocol = port.protocol === 'UDP' ? 'tcp' : listenerProtocol(port.protocol);
  const name = `${bind}_${number}`;
  const inbound: Inbound = {
    name: { http: name, tcp: name },
    match: { destinationPort: u32(number) },
    cluster,
    statPrefix: `inbound_${name}`,
    port: port.port,
    operation: `${service.hostname}:${port.port}/*`,
    routeName: cluster,
    http2: isHttp2(port.protocol),
    grpcWeb: port.protocol === 'GRPC-Web',
    mongo: port.protocol === 'Mongo',
  };
  const bytes = { ...inbound, statPrefix: bytesPrefix(view, { service, port }) ?? cluster };
  return planChains({ inbound, bytes, id: name }, chainOptions(mode, protocol));
}

/** Chains of what no Service declares, and of ports that only a policy names. */
export function planPassthrough(view: View, version: 4 | 6, at: { port?: number; mode: MtlsMode }): PlannedChain[] {
  const cluster = `InboundPassthroughClusterIpv${version}`;
  const everywhere =
    version === 4 ? { addressPrefix: '0.0.0.0', prefixLen: u32(0) } : { addressPrefix: '::', prefixLen: u32(0) };
  const inbound: Inbound = {
    name: { http: 'virtualInbound-catchall-http', tcp: 'virtualInbound' },
    match: { prefixRanges: [everywhere], ...(at.port === undefined ? {} : { destinationPort: u32(at.port) }) },
    cluster,
    statPrefix: cluster,
    port: 0,
    operation: ':0/*',
    routeName: cluster,
    http2: false,
    grpcWeb: false,
    mongo: false,
  };
  const bytes = {
    ...inbound,
    statPrefix: bytesPrefix(view, { service: nobody, port: { name: 'virtualInbound', port: 0 } }) ?? cluster,
  };
  return planChains({ inbound, bytes, id: `IPv${version}:${at.port ?? ''}` }, chainOptions(at.mode, 'auto'));
}

/** The chain that takes connections to the listener's own port nowhere. */
export const planBlackhole = (port: number): PlannedChain => ({
  id: 'blackhole',
  match: { destinationPort: u32(port) },
  inbound: { ...nowhere, name: { http: '', tcp: 'virtualInbound-blackhole' } },
});
const nowhere: Inbound = {
  name: { http: '', tcp: '' },
  match: {},
  cluster: '',
  statPrefix: '',
  port: 0,
  operation: '',
  routeName: '',
  http2: false,
  grpcWeb: false,
  mongo: false,
};
