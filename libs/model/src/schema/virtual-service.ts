import {
  bool,
  duration,
  enumeration,
  map,
  message,
  repeated,
  string,
  uint,
  int,
  wrapper,
  type Infer,
} from './schema.ts';
import { Percent, PortSelector, StringMatch } from './common.ts';

export const Destination = message({ host: string, subset: string, port: PortSelector });
export type Destination = Infer<typeof Destination>;
const HeaderOperations = message({ set: map(string), add: map(string), remove: repeated(string) });
export const Headers = message({ request: HeaderOperations, response: HeaderOperations });
export type Headers = Infer<typeof Headers>;
export const HTTPRouteDestination = message({ destination: Destination, weight: int, headers: Headers });
export type HTTPRouteDestination = Infer<typeof HTTPRouteDestination>;
export const RouteDestination = message({ destination: Destination, weight: int });
export type RouteDestination = Infer<typeof RouteDestination>;
export const HTTPMatchRequest = message({
  name: string,
  uri: StringMatch,
  scheme: StringMatch,
  method: StringMatch,
  authority: StringMatch,
  headers: map(StringMatch),
  port: uint,
  sourceLabels: map(string),
  gateways: repeated(string),
  queryParams: map(StringMatch),
  ignoreUriCase: bool,
  withoutHeaders: map(StringMatch),
  sourceNamespace: string,
  statPrefix: string,
});
export type HTTPMatchRequest = Infer<typeof HTTPMatchRequest>;
export const L4MatchAttributes = message({
  destinationSubnets: repeated(string),
  port: uint,
  sourceSubnet: string,
  sourceLabels: map(string),
  gateways: repeated(string),
  sourceNamespace: string,
});
export type L4MatchAttributes = Infer<typeof L4MatchAttributes>;
export const TLSMatchAttributes = message({
  sniHosts: repeated(string),
  destinationSubnets: repeated(string),
  port: uint,
  sourceLabels: map(string),
  gateways: repeated(string),
  sourceNamespace: string,
});
export type TLSMatchAttributes = Infer<typeof TLSMatchAttributes>;
const HTTPRedirect = message(
  {
    uri: string,
    authority: string,
    port: uint,
    derivePort: enumeration(['FROM_PROTOCOL_DEFAULT', 'FROM_REQUEST_PORT']),
    scheme: string,
    redirectCode: uint,
  },
  [['port', 'derivePort']],
);
const HTTPDirectResponse = message({
  status: uint,
  body: message({ string: string, bytes: string }, [['string', 'bytes']]),
});
export const HTTPRewrite = message({
  uri: string,
  authority: string,
  uriRegexRewrite: message({ match: string, rewrite: string }),
});
export const HTTPRetry = message({
  attempts: int,
  perTryTimeout: duration,
  retryOn: string,
  retryRemoteLocalities: wrapper(bool),
});
export type HTTPRetry = Infer<typeof HTTPRetry>;
const HTTPFaultInjection = message({
  delay: message({ percent: int, fixedDelay: duration, exponentialDelay: duration, percentage: Percent }, [
    ['fixedDelay', 'exponentialDelay'],
  ]),
  abort: message({ httpStatus: int, grpcStatus: string, http2Error: string, percentage: Percent }, [
    ['httpStatus', 'grpcStatus', 'http2Error'],
  ]),
});
const CorsPolicy = message({
  allowOrigin: repeated(string),
  allowOrigins: repeated(StringMatch),
  allowMethods: repeated(string),
  allowHeaders: repeated(string),
  exposeHeaders: repeated(string),
  maxAge: duration,
  allowCredentials: wrapper(bool),
});
export const HTTPRoute = message({
  name: string,
  match: repeated(HTTPMatchRequest),
  route: repeated(HTTPRouteDestination),
  redirect: HTTPRedirect,
  directResponse: HTTPDirectResponse,
  delegate: message({ name: string, namespace: string }),
  rewrite: HTTPRewrite,
  timeout: duration,
  retries: HTTPRetry,
  fault: HTTPFaultInjection,
  mirror: Destination,
  mirrors: repeated(message({ destination: Destination, percentage: Percent })),
  mirrorPercent: wrapper(uint),
  mirrorPercentage: Percent,
  corsPolicy: CorsPolicy,
  headers: Headers,
});
export type HTTPRoute = Infer<typeof HTTPRoute>;
export const TLSRoute = message({ match: repeated(TLSMatchAttributes), route: repeated(RouteDestination) });
export type TLSRoute = Infer<typeof TLSRoute>;
export const TCPRoute = message({ match: repeated(L4MatchAttributes), route: repeated(RouteDestination) });
export type TCPRoute = Infer<typeof TCPRoute>;
/** networking.istio.io VirtualService */
export const VirtualService = message({
  hosts: repeated(string),
  gateways: repeated(string),
  http: repeated(HTTPRoute),
  tls: repeated(TLSRoute),
  tcp: repeated(TCPRoute),
  exportTo: repeated(string),
});
export type VirtualService = Infer<typeof VirtualService>;
