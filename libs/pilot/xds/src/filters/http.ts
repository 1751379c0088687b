import { envoy, istio, struct, udpa, type google } from '@flotilla/proto-gen/envoy';
import { typedConfig } from '../finish/typed-config.ts';

type IHttpFilter = envoy.extensions.filters.network.http_connection_manager.v3.IHttpFilter;
const { HTTP10, HTTP11, HTTP2 } = istio.envoy.config.filter.http.alpn.v2alpha1.FilterConfig.Protocol;

const typedStruct = (typeUrl: string, value?: Readonly<Record<string, unknown>>): google.protobuf.IAny =>
  typedConfig(udpa.type.v1.TypedStruct, {
    typeUrl: `type.googleapis.com/${typeUrl}`,
    ...(value ? { value: struct(value) } : {}),
  });

/**
 * The filters that every HTTP connection manager has, by what they do. Those called `istio...` only Istio's own Envoy
 * knows.
 */
export const grpcStats: IHttpFilter = {
  name: 'envoy.filters.http.grpc_stats',
  typedConfig: typedConfig(envoy.extensions.filters.http.grpc_stats.v3.FilterConfig, {
    emitFilterState: true,
    statsForAllMethods: { value: false },
  }),
};
export const istioAlpn: IHttpFilter = {
  name: 'istio.alpn',
  typedConfig: typedConfig(istio.envoy.config.filter.http.alpn.v2alpha1.FilterConfig, {
    alpnOverride: [
      { upstreamProtocol: HTTP10, alpnOverride: ['istio-http/1.0', 'istio', 'http/1.0'] },
      { upstreamProtocol: HTTP11, alpnOverride: ['istio-http/1.1', 'istio', 'http/1.1'] },
      { upstreamProtocol: HTTP2, alpnOverride: ['istio-h2', 'istio', 'h2'] },
    ],
  }),
};
/** Browsers' gRPC: translated for ports that speak it. */
export const grpcWeb: IHttpFilter = {
  name: 'envoy.filters.http.grpc_web',
  typedConfig: typedConfig(envoy.extensions.filters.http.grpc_web.v3.GrpcWeb, {}),
};
export const fault: IHttpFilter = {
  name: 'envoy.filters.http.fault',
  typedConfig: typedConfig(envoy.extensions.filters.http.fault.v3.HTTPFault, {}),
};
export const cors: IHttpFilter = {
  name: 'envoy.filters.http.cors',
  typedConfig: typedConfig(envoy.extensions.filters.http.cors.v3.Cors, {}),
};
export const router: IHttpFilter = {
  name: 'envoy.filters.http.router',
  typedConfig: typedConfig(envoy.extensions.filters.http.router.v3.Router, {}),
};
export const childSpanRouter: IHttpFilter = {
  name: 'envoy.filters.http.router',
  typedConfig: typedConfig(envoy.extensions.filters.http.router.v3.Router, { startChildSpan: true }),
};
export { typedStruct };
