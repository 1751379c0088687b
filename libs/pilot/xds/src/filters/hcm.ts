import { acceptsHttp10, idleTimeout, setting, worldQuery, type View } from '@flotilla/pilot-world';
import { any, bool, duration, envoy } from '@flotilla/proto-gen/envoy';
import { jwtFilters } from '../authn/jwt.ts';
import { customAuthorization, localAuthorization } from '../authz/rbac.ts';
import { cors, fault, grpcStats, grpcWeb, istioAlpn, istioPeerMetadata, router } from './http.ts';
import { stockAlpn } from './stock-alpn.ts';
import { accessLogFor } from '../telemetry/access-log.ts';
import { statsOf } from '../telemetry/stats.ts';
import { buildTracing } from './tracing.ts';

type IHttpConnectionManager = envoy.extensions.filters.network.http_connection_manager.v3.IHttpConnectionManager;
const { HttpConnectionManager } = envoy.extensions.filters.network.http_connection_manager.v3;
const { KEEP_UNCHANGED, UNESCAPE_AND_FORWARD } = HttpConnectionManager.PathWithEscapedSlashesAction;
const { APPEND_FORWARD, SANITIZE_SET } = HttpConnectionManager.ForwardClientCertDetails;

/** MeshConfig.pathNormalization as Envoy's settings. */
function pathNormalization(view: View): Pick<IHttpConnectionManager, 'normalizePath' | 'mergeSlashes' | 'pathWithEscapedSlashesAction'> {
  const keep = { pathWithEscapedSlashesAction: KEEP_UNCHANGED };
  switch (setting(view, 'pathNormalization')?.normalization ?? 'BASE') {
    case 'NONE': return { normalizePath: bool(false), ...keep };
    case 'MERGE_SLASHES': return { normalizePath: bool(true), mergeSlashes: true, ...keep };
    case 'DECODE_AND_MERGE_SLASHES': return { normalizePath: bool(true), mergeSlashes: true, pathWithEscapedSlashesAction: UNESCAPE_AND_FORWARD };
    default: return { normalizePath: bool(true), ...keep };
  }
}

/** HTTP/1.1 as this proxy takes it; undefined when nothing is special. */
function http1(view: View, own: envoy.config.core.v3.IHttp1ProtocolOptions = {}): Pick<IHttpConnectionManager, 'httpProtocolOptions'> {
  const options = { ...own, ...(acceptsHttp10(view) ? { acceptHttp_10: true } : {}) };
  return Object.keys(options).length > 0 ? { httpProtocolOptions: options } : {};
}

const common = worldQuery('hcm-common', (view): IHttpConnectionManager => ({
  ...(setting(view, 'enableTracing') === false ? {} : { tracing: buildTracing(view) }),
  ...(idleTimeout(view) === undefined ? {} : { commonHttpProtocolOptions: { idleTimeout: duration(idleTimeout(view) ?? 0) } }),
  streamIdleTimeout: duration(0),
  useRemoteAddress: bool(false),
  upgradeConfigs: [{ upgradeType: 'websocket' }],
  ...pathNormalization(view),
  requestIdExtension: { typedConfig: any(envoy.extensions.request_id.uuid.v3.UuidRequestIdConfig, { useRequestIdForTraceSampling: bool(true) }) },
}));

/** Who may call, asked of whom: providers of CUSTOM policies first, then tokens, then the other policies. */
const securityFilters = (view: View): NonNullable<IHttpConnectionManager['httpFilters']> =>
  [...view.query(customAuthorization, 'http'), ...view.query(jwtFilters, ''), ...view.query(localAuthorization, 'http')];

/** What a sidecar's HTTP connection managers have in common, each direction with its filters, in Istio's order. */
export function buildSidecarHcm(view: View, direction: 'inbound' | 'outbound', own: IHttpConnectionManager & { readonly grpcWeb?: boolean }): IHttpConnectionManager {
  const { grpcWeb: hasGrpcWeb, httpProtocolOptions, ...rest } = own;
  const istioEnvoy = view.attr('istioExtensions');
  const httpFilters = [
    ...(istioEnvoy ? [istioPeerMetadata[direction]] : []),
    ...(direction === 'inbound' ? securityFilters(view) : []),
    ...(hasGrpcWeb ? [grpcWeb] : []),
    grpcStats,
    ...(direction === 'outbound' ? [istioEnvoy ? istioAlpn : stockAlpn] : []),
    fault, cors, ...statsOf(view, direction === 'inbound' ? 'SERVER' : 'CLIENT'), router,
  ];
  const inbound: IHttpConnectionManager = {
    serverName: 'istio-envoy', forwardClientCertDetails: APPEND_FORWARD, setCurrentClientCertDetails: { subject: bool(true), dns: true, uri: true },
  };
  const log = accessLogFor(view, direction === 'inbound' ? 'SERVER' : 'CLIENT', 'http');
  return { ...view.query(common, ''), ...log, ...http1(view, httpProtocolOptions ?? {}), ...(direction === 'inbound' ? inbound : {}), httpFilters, ...rest };
}

/** A gateway's: clients are strangers, so their address is taken from the connection and what they say of themselves is dropped. */
export function buildGatewayHcm(view: View, own: IHttpConnectionManager): IHttpConnectionManager {
  const istioEnvoy = view.attr('istioExtensions');
  return {
    ...view.query(common, ''),
    ...accessLogFor(view, 'CLIENT', 'http'),
    httpProtocolOptions: {}, ...http1(view),
    serverName: 'istio-envoy',
    useRemoteAddress: bool(true),
    forwardClientCertDetails: SANITIZE_SET,
    setCurrentClientCertDetails: { subject: bool(true), cert: true, dns: true, uri: true },
    httpFilters: [...(istioEnvoy ? [istioPeerMetadata.outbound] : []), ...securityFilters(view), grpcStats, istioEnvoy ? istioAlpn : stockAlpn, fault, cors, ...statsOf(view, 'CLIENT'), router],
    ...own,
  };
}
