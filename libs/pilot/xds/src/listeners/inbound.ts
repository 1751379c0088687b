import { isHttp2 } from '@flotilla/pilot-registry';
import {
  canListenOn,
  inboundPorts,
  ownCertificate,
  setting,
  trustDomain,
  worldQuery,
  type InboundPort,
  type View,
} from '@flotilla/pilot-world';
import { bool, duration, envoy, u32 } from '@flotilla/proto-gen/envoy';
import { member } from '@flotilla/query';
import { portMtls, workloadMtls, type MtlsMode } from '../authn/mtls-mode.ts';
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
import { finish } from '../finish/finish.ts';
import { listOf, namingQuery } from '../members.ts';
import { sameResource, type XdsResource } from '../resource.ts';
import { accessLogFor } from '../telemetry/access-log.ts';
import { statName, type StatNameOf } from '../telemetry/stat-name.ts';
import { statsOf } from '../telemetry/stats.ts';
import { buildMutualTls } from '../tls/downstream.ts';
import { connectionBalance } from './balance.ts';
import { chainOptions, listenerProtocol, type ChainOption, type ListenerProtocol } from './chain-match.ts';
import { buildInspectors, originalDst, originalSrc } from './inspectors.ts';

type IFilterChain = envoy.config.listener.v3.IFilterChain;
type IFilterChainMatch = envoy.config.listener.v3.IFilterChainMatch;
type IFilter = envoy.config.listener.v3.IFilter;
const { INBOUND } = envoy.config.core.v3.TrafficDirection;

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

function buildChains(view: View, inbound: Inbound, options: readonly ChainOption[]): IFilterChain[] {
  return options.map((option) => ({
    name: inbound.name[option.carries],
    filterChainMatch: {
      ...inbound.match,
      ...(option.transportProtocol ? { transportProtocol: option.transportProtocol } : {}),
      ...(option.applicationProtocols ? { applicationProtocols: [...option.applicationProtocols] } : {}),
    },
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
  }));
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
function portChains(view: View, { number, port, service, ingress }: InboundPort, mode: MtlsMode): IFilterChain[] {
  const bind = ingress?.address ?? (view.attr('supportsIPv4') ? '0.0.0.0' : '::');
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
  return chainOptions(mode, protocol).flatMap((option) =>
    buildChains(view, option.carries === 'tcp' ? bytes : inbound, [option]),
  );
}

/** Chains of what no Service declares, and of ports that only a policy names. */
function passthroughChains(view: View, version: 4 | 6, at: { port?: number; mode: MtlsMode }): IFilterChain[] {
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
  return chainOptions(at.mode, 'auto').flatMap((option) =>
    buildChains(view, option.carries === 'tcp' ? bytes : inbound, [option]),
  );
}

/**
 * The listener that iptables sends all inbound connections to (Istio's virtualInbound).
 */
const virtualInbound = worldQuery(
  'virtual-inbound',
  (view): XdsResource => {
    const port = setting(view, 'proxyInboundListenPort') ?? 15006;
    const mtls = workloadMtls(view, view.attr('namespace'), view.attr('labels'));
    const ports = view.query(inboundPorts, '');
    const declared = new Set(ports.map(({ number }) => number));
    const versions = [
      ...(view.attr('supportsIPv4') ? [4 as const] : []),
      ...(view.attr('supportsIPv6') ? [6 as const] : []),
    ];
    const ownPorts = [...mtls.ports].filter(([number]) => !declared.has(number)).sort(([a], [b]) => a - b);
    const blackhole: IFilterChain = {
      name: 'virtualInbound-blackhole',
      filterChainMatch: { destinationPort: u32(port) },
      filters: [...exchange(view), ...statsOf(view, 'SERVER', 'tcp'), blackholeProxy],
    };
    const filterChains = [
      blackhole,
      ...versions.flatMap((version) =>
        [
          passthroughChains(view, version, { mode: mtls.mode }),
          ...ownPorts.map(([number, mode]) => passthroughChains(view, version, { port: number, mode })),
        ].flat(),
      ),
      ...ports
        .filter(({ ingress }) => !ingress?.bound)
        .flatMap((inbound) => portChains(view, inbound, portMtls(mtls, inbound.number))),
    ];
    const tproxy = view.attr('interceptionMode') === 'TPROXY';
    const listener: envoy.config.listener.v3.IListener = {
      name: 'virtualInbound',
      address: { socketAddress: { address: view.attr('supportsIPv4') ? '0.0.0.0' : '::', portValue: port } },
      filterChains,
      listenerFilters: [originalDst, ...(tproxy ? [originalSrc] : []), ...buildInspectors(filterChains)],
      listenerFiltersTimeout: duration(setting(view, 'protocolDetectionTimeout') ?? 0),
      continueOnListenerFiltersTimeout: true,
      ...accessLogFor(view, 'SERVER', 'listener'),
      trafficDirection: INBOUND,
      ...connectionBalance(view, 'INBOUND'),
      ...(tproxy ? { transparent: bool(true) } : {}),
    };
    return finish(view, { kind: 'lds', name: 'virtualInbound', message: listener });
  },
  { equals: sameResource },
);

/** A listener of a port that the Sidecar binds itself, beside what iptables captures. Key: its name. */
const boundInbound = worldQuery(
  'bound-inbound',
  (view, name): XdsResource | undefined => {
    const inbound = boundPorts(view).find((port) => boundName(port) === name);
    if (!inbound) return undefined;
    const mtls = workloadMtls(view, view.attr('namespace'), view.attr('labels'));
    const filterChains = portChains(view, inbound, portMtls(mtls, inbound.number));
    const listenerFilters = buildInspectors(filterChains);
    const listener: envoy.config.listener.v3.IListener = {
      name,
      address: { socketAddress: { address: inbound.ingress?.address ?? '', portValue: inbound.number } },
      filterChains,
      ...(listenerFilters.length > 0 ? { listenerFilters } : {}),
      listenerFiltersTimeout: duration(setting(view, 'protocolDetectionTimeout') ?? 0),
      continueOnListenerFiltersTimeout: true,
      ...accessLogFor(view, 'SERVER', 'listener'),
      trafficDirection: INBOUND,
      ...connectionBalance(view, 'INBOUND'),
    };
    return finish(view, { kind: 'lds', name, message: listener });
  },
  { equals: sameResource },
);

const boundPorts = (view: View): readonly InboundPort[] =>
  view.query(inboundPorts, '').filter(({ number, ingress }) => ingress?.bound && canListenOn(view, number));
const boundName = ({ number, ingress }: InboundPort): string => `${ingress?.address}_${number}`;

/** A sidecar's inbound listeners. */
export const inboundListeners = namingQuery('inbound-listeners', (view) => {
  if (view.attr('type') !== 'sidecar') return listOf([]);
  return listOf([
    ...(view.attr('interceptionMode') === 'NONE' ? [] : [member(virtualInbound, '', { name: 'virtualInbound' })]),
    ...boundPorts(view)
      .map(boundName)
      .map((name) => member(boundInbound, name, { name })),
  ]);
});
