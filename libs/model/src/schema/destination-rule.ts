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
import { PortSelector, TLSmode, WorkloadSelector } from './common.ts';

const hashOneof = [['httpHeaderName', 'httpCookie', 'useSourceIp', 'httpQueryParameterName']] as const;
export const ConsistentHashLB = message(
  {
    httpHeaderName: string,
    httpCookie: message({ name: string, path: string, ttl: duration }),
    useSourceIp: bool,
    httpQueryParameterName: string,
    ringHash: message({ minimumRingSize: uint }),
    maglev: message({ tableSize: uint }),
    minimumRingSize: uint,
  },
  [...hashOneof, ['ringHash', 'maglev']],
);
export const LocalityLoadBalancerSetting = message({
  distribute: repeated(message({ from: string, to: map(uint) })),
  failover: repeated(message({ from: string, to: string })),
  failoverPriority: repeated(string),
  enabled: wrapper(bool),
});
export type LocalityLoadBalancerSetting = Infer<typeof LocalityLoadBalancerSetting>;
export const LoadBalancerSettings = message(
  {
    simple: enumeration(['UNSPECIFIED', 'LEAST_CONN', 'RANDOM', 'PASSTHROUGH', 'ROUND_ROBIN', 'LEAST_REQUEST']),
    consistentHash: ConsistentHashLB,
    localityLbSetting: LocalityLoadBalancerSetting,
    warmupDurationSecs: duration,
  },
  [['simple', 'consistentHash']],
);
export type LoadBalancerSettings = Infer<typeof LoadBalancerSettings>;
export const TcpKeepalive = message({ probes: uint, time: duration, interval: duration });
export type TcpKeepalive = Infer<typeof TcpKeepalive>;
export const ConnectionPoolSettings = message({
  tcp: message({
    maxConnections: int,
    connectTimeout: duration,
    tcpKeepalive: TcpKeepalive,
    maxConnectionDuration: duration,
  }),
  http: message({
    http1MaxPendingRequests: int,
    http2MaxRequests: int,
    maxRequestsPerConnection: int,
    maxRetries: int,
    idleTimeout: duration,
    h2UpgradePolicy: enumeration(['DEFAULT', 'DO_NOT_UPGRADE', 'UPGRADE']),
    useClientProtocol: bool,
  }),
});
export type ConnectionPoolSettings = Infer<typeof ConnectionPoolSettings>;
export const OutlierDetection = message({
  consecutiveErrors: int,
  splitExternalLocalOriginErrors: bool,
  consecutiveLocalOriginFailures: wrapper(uint),
  consecutiveGatewayErrors: wrapper(uint),
  consecutive5xxErrors: wrapper(uint),
  interval: duration,
  baseEjectionTime: duration,
  maxEjectionPercent: int,
  minHealthPercent: int,
});
export type OutlierDetection = Infer<typeof OutlierDetection>;
export const ClientTLSSettings = message({
  mode: TLSmode,
  clientCertificate: string,
  privateKey: string,
  caCertificates: string,
  credentialName: string,
  subjectAltNames: repeated(string),
  sni: string,
  insecureSkipVerify: wrapper(bool),
});
export type ClientTLSSettings = Infer<typeof ClientTLSSettings>;
const policyFields = {
  loadBalancer: LoadBalancerSettings,
  connectionPool: ConnectionPoolSettings,
  outlierDetection: OutlierDetection,
  tls: ClientTLSSettings,
};
export const PortTrafficPolicy = message({ port: PortSelector, ...policyFields });
export type PortTrafficPolicy = Infer<typeof PortTrafficPolicy>;
export const TrafficPolicy = message({
  ...policyFields,
  portLevelSettings: repeated(PortTrafficPolicy),
  tunnel: message({ protocol: string, targetHost: string, targetPort: uint }),
});
export type TrafficPolicy = Infer<typeof TrafficPolicy>;
export const Subset = message({ name: string, labels: map(string), trafficPolicy: TrafficPolicy });
export type Subset = Infer<typeof Subset>;
/** networking.istio.io DestinationRule */
export const DestinationRule = message({
  host: string,
  trafficPolicy: TrafficPolicy,
  subsets: repeated(Subset),
  exportTo: repeated(string),
  workloadSelector: WorkloadSelector,
});
export type DestinationRule = Infer<typeof DestinationRule>;
