import { acceptsHttp10, idleTimeout, proxyConfig, setting, worldQuery, type View } from '@flotilla/pilot-world';
import { bool, duration, envoy } from '@flotilla/proto-gen/envoy';
import { jwtFilters } from '../authn/jwt.ts';
import { customAuthorization, localAuthorization } from '../authz/rbac.ts';
import { typedConfig } from '../finish/typed-config.ts';
import { childSpanRouter, cors, fault, grpcStats, grpcWeb, istioAlpn, router } from './http.ts';
import { istioPeerMetadata } from './peer-metadata.ts';
import { stockAlpn } from './stock-alpn.ts';
import { accessLogFor } from '../telemetry/access-log.ts';
import { statsOf } from '../telemetry/stats.ts';
import type { Side } from '../telemetry/telemetry.ts';
import { tracingOf, type Tracing } from '../telemetry/tracing.ts';

type IHttpConnectionManager = envoy.extensions.filters.network.http_connection_manager.v3.IHttpConnectionManager;
const { HttpConnectionManager } = envoy.extensions.filters.network.http_connection_manager.v3;
const { KEEP_UNCHANGED, UNESCAPE_AND_FORWARD } = HttpConnectionManager.PathWithEscapedSlashesAction;
const clientCertDetails = HttpConnectionManager.ForwardClientCertDetails;
const { APPEND_FORWARD, SANITIZE_SET } = clientCertDetails;

/** MeshConfig.pathNormalization as Envoy's settings. */
function pathNormalization(
  view: View,
): Pick<IHttpConnectionManager, 'normalizePath' | 'mergeSlashes' | 'pathWithEscapedSlashesAction'> {
  const keep = { pathWithEscapedSlashesAction: KEEP_UNCHANGED };
  switch (setting(view, 'pathNormalization')?.normalization ?? 'BASE') {
    case 'NONE':
      return { normalizePath: bool(false), ...keep };
    case 'MERGE_SLASHES':
      return { normalizePath: bool(true), mergeSlashes: true, ...keep };
    case 'DECODE_AND_MERGE_SLASHES':
      return { normalizePath: bool(true), mergeSlashes: true, pathWithEscapedSlashesAction: UNESCAPE_AND_FORWARD };
    default:
      return { normalizePath: bool(true), ...keep };
  }
}

/** HTTP/1.1 as this proxy takes it; undefined when nothing is special. */
function http1(
  view: View,
  own: envoy.config.core.v3.IHttp1ProtocolOptions = {},
): Pick<IHttpConnectionManager, 'httpProtocolOptions'> {
  const options = { ...own, ...(acceptsHttp10(view) ? { acceptHttp_10: true } : {}) };
  return Object.keys(options).length > 0 ? { httpProtocolOptions: options } : {};
}

/** Key: the side. */
const common = worldQuery('hcm-common', (view, side: Side): IHttpConnectionManager => ({
  ...tracingFields(view.query(tracingOf, side)),
  ...(idleTimeout(view) === undefined
    ? {}
    : { commonHttpProtocolOptions: { idleTimeout: duration(idleTimeout(view) ?? 0) } }),
  streamIdleTimeout: duration(0),
  useRemoteAddress: bool(false),
  upgradeConfigs: [{ upgradeType: 'websocket' }],
  ...pathNormalization(view),
}));

const tracingFields = ({
  config,
  samplesById,
}: Tracing): Pick<IHttpConnectionManager, 'tracing' | 'requestIdExtension'> => ({
  ...(config ? { tracing: config } : {}),
  requestIdExtension: {
    typedConfig: typedConfig(envoy.extensions.request_id.uuid.v3.UuidRequestIdConfig, {
      useRequestIdForTraceSampling: bool(samplesById),
    }),
  },
});

/** The last filter. */
const routerOf = (view: View, side: Side): typeof router =>
  view.query(tracingOf, side).childSpans ? childSpanRouter : router;

/** Who may call, asked of whom: providers of CUSTOM policies first, then tokens, then the other policies. */
const securityFilters = (view: View): NonNullable<IHttpConnectionManager['httpFilters']> => [
  ...view.query(customAuthorization, 'http'),
  ...view.query(jwtFilters, ''),
  ...view.query(localAuthorization, 'http'),
];

/** What a sidecar's HTTP connection managers have in common, each direction with its filters, in Istio's order. */
export function buildSidecarHcm(
  view: View,
  direction: 'inbound' | 'outbound',
  own: IHttpConnectionManager & { readonly grpcWeb?: boolean },
): IHttpConnectionManager {
  const { grpcWeb: hasGrpcWeb, httpProtocolOptions, ...rest } = own;
  const istioEnvoy = view.attr('istioExtensions');
  const side = direction === 'inbound' ? 'SERVER' : 'CLIENT';
  const httpFilters = [
    ...istioPeerMetadata(view, direction),
    ...(direction === 'inbound' ? securityFilters(view) : []),
    ...(hasGrpcWeb ? [grpcWeb] : []),
    grpcStats,
    ...(direction === 'outbound' ? [istioEnvoy ? istioAlpn : stockAlpn] : []),
    fault,
    cors,
    ...statsOf(view, side, 'http'),
    routerOf(view, side),
  ];
  const inbound: IHttpConnectionManager = {
    serverName: 'istio-envoy',
    forwardClientCertDetails: APPEND_FORWARD,
    setCurrentClientCertDetails: { subject: bool(true), dns: true, uri: true },
  };
  const log = accessLogFor(view, side, 'http');
  return {
    ...view.query(common, side),
    ...log,
    ...http1(view, httpProtocolOptions ?? {}),
    ...(direction === 'inbound' ? inbound : {}),
    httpFilters,
    ...rest,
  };
}

/**
 * What of the proxies before a gateway is trusted (Istio "Configuring Gateway Network Topology"); without a word,
 * nothing.
 */
function topologyOf(view: View): Pick<IHttpConnectionManager, 'xffNumTrustedHops' | 'forwardClientCertDetails'> {
  const { numTrustedProxies, forwardClientCertDetails: details } = view.query(proxyConfig, '').gatewayTopology ?? {};
  return {
    ...(numTrustedProxies ? { xffNumTrustedHops: numTrustedProxies } : {}),
    forwardClientCertDetails:
      details === undefined || details === 'UNDEFINED' ? SANITIZE_SET : clientCertDetails[details],
  };
}

/** A gateway's: clients are strangers, so their address is taken from the connection. */
export function buildGatewayHcm(
  view: View,
  { grpcWeb: hasGrpcWeb, ...own }: IHttpConnectionManager & { readonly grpcWeb?: boolean },
): IHttpConnectionManager {
  const istioEnvoy = view.attr('istioExtensions');
  return {
    ...view.query(common, 'CLIENT'),
    ...accessLogFor(view, 'CLIENT', 'http'),
    httpProtocolOptions: {},
    ...http1(view),
    serverName: 'istio-envoy',
    useRemoteAddress: bool(true),
    ...topologyOf(view),
    setCurrentClientCertDetails: { subject: bool(true), cert: true, dns: true, uri: true },
    httpFilters: [
      ...istioPeerMetadata(view, 'outbound'),
      ...securityFilters(view),
      ...(hasGrpcWeb ? [grpcWeb] : []),
      grpcStats,
      istioEnvoy ? istioAlpn : stockAlpn,
      fault,
      cors,
      ...statsOf(view, 'CLIENT', 'http'),
      routerOf(view, 'CLIENT'),
    ],
    ...own,
  };
}
