import {
  bool,
  double,
  duration,
  enumeration,
  int,
  int64,
  map,
  openEnumeration,
  message,
  repeated,
  string,
  struct,
  uint,
  wrapper,
  type Infer,
} from './schema.ts';
import { LabelSelector, WorkloadSelector } from './common.ts';
import { ClientTLSSettings, LocalityLoadBalancerSetting, TcpKeepalive } from './destination-rule.ts';
import { HTTPRetry } from './virtual-service.ts';
import { MeshOutboundTrafficPolicy, ReadinessProbe } from './networking.ts';

/** Hardware that signs, and how long Envoy waits for a batch of signatures. */
const KeyProvider = message({ pollDelay: duration });
/** What a proxy does with the header x-forwarded-client-cert (Envoy's ForwardClientCertDetails). */
const forwardClientCertDetails = enumeration([
  'UNDEFINED',
  'SANITIZE',
  'FORWARD_ONLY',
  'APPEND_FORWARD',
  'SANITIZE_SET',
  'ALWAYS_FORWARD_ONLY',
]);
const RemoteService = message({ address: string, tlsSettings: ClientTLSSettings, tcpKeepalive: TcpKeepalive });
const CustomTag = message(
  {
    literal: message({ value: string }),
    environment: message({ name: string, defaultValue: string }),
    header: message({ name: string, defaultValue: string }),
  },
  [['literal', 'environment', 'header']],
);
export const Tracing = message(
  {
    zipkin: message({ address: string }),
    lightstep: message({ address: string, accessToken: string }),
    datadog: message({ address: string }),
    stackdriver: message({
      debug: bool,
      maxNumberOfAttributes: wrapper(int64),
      maxNumberOfAnnotations: wrapper(int64),
      maxNumberOfMessageEvents: wrapper(int64),
    }),
    openCensusAgent: message({
      address: string,
      context: repeated(enumeration(['UNSPECIFIED', 'W3C_TRACE_CONTEXT', 'GRPC_BIN', 'CLOUD_TRACE_CONTEXT', 'B3'])),
    }),
    customTags: map(CustomTag),
    maxPathTagLength: uint,
    sampling: double,
    tlsSettings: ClientTLSSettings,
  },
  [['zipkin', 'lightstep', 'datadog', 'stackdriver', 'openCensusAgent']],
);
export type Tracing = Infer<typeof Tracing>;
/** istio.mesh.v1alpha1.ProxyConfig */
export const MeshProxyConfig = message(
  {
    configPath: string,
    binaryPath: string,
    serviceCluster: string,
    tracingServiceName: enumeration(['APP_LABEL_AND_NAMESPACE', 'CANONICAL_NAME_ONLY', 'CANONICAL_NAME_AND_NAMESPACE']),
    drainDuration: duration,
    discoveryAddress: string,
    zipkinAddress: string,
    statsdUdpAddress: string,
    proxyAdminPort: int,
    controlPlaneAuthPolicy: openEnumeration({ NONE: 0, MUTUAL_TLS: 1, INHERIT: 1000 }),
    customConfigFile: string,
    statNameLength: int,
    concurrency: wrapper(int),
    proxyBootstrapTemplatePath: string,
    interceptionMode: enumeration(['REDIRECT', 'TPROXY', 'NONE']),
    tracing: Tracing,
    sds: struct,
    envoyAccessLogService: RemoteService,
    envoyMetricsService: RemoteService,
    proxyMetadata: map(string),
    runtimeValues: map(string),
    statusPort: int,
    extraStatTags: repeated(string),
    gatewayTopology: message({
      numTrustedProxies: uint,
      forwardClientCertDetails,
      proxyProtocol: message({}),
    }),
    terminationDrainDuration: duration,
    meshId: string,
    readinessProbe: ReadinessProbe,
    proxyStatsMatcher: message({
      inclusionPrefixes: repeated(string),
      inclusionSuffixes: repeated(string),
      inclusionRegexps: repeated(string),
    }),
    holdApplicationUntilProxyStarts: wrapper(bool),
    caCertificatesPem: repeated(string),
    image: message({ imageType: string }),
    privateKeyProvider: message({ cryptomb: KeyProvider, qat: KeyProvider }, [['cryptomb', 'qat']]),
    proxyHeaders: message({
      forwardedClientCert: forwardClientCertDetails,
      requestId: message({ disabled: wrapper(bool) }),
      server: message({ disabled: wrapper(bool), value: string }),
      attemptCount: message({ disabled: wrapper(bool) }),
      envoyDebugHeaders: message({ disabled: wrapper(bool) }),
    }),
  },
  [['serviceCluster', 'tracingServiceName']],
);
export type MeshProxyConfig = Infer<typeof MeshProxyConfig>;
/** networking.istio.io ProxyConfig */
export const ProxyConfigResource = message({
  selector: WorkloadSelector,
  concurrency: wrapper(int),
  environmentVariables: map(string),
  image: message({ imageType: string }),
});
export type ProxyConfigResource = Infer<typeof ProxyConfigResource>;

const s = repeated(string);
const extAuthz = {
  service: string,
  port: uint,
  timeout: duration,
  failOpen: bool,
  statusOnError: string,
  includeRequestBodyInCheck: message({ maxRequestBytes: uint, allowPartialMessage: bool, packAsBytes: bool }),
};
const span = { service: string, port: uint, maxTagLength: uint };
const als = {
  service: string,
  port: uint,
  logName: string,
  filterStateObjectsToLog: s,
  additionalRequestHeadersToLog: s,
  additionalResponseHeadersToLog: s,
  additionalResponseTrailersToLog: s,
};
export const ExtensionProvider = message(
  {
    name: string,
    envoyExtAuthzHttp: message({
      ...extAuthz,
      pathPrefix: string,
      includeHeadersInCheck: s,
      includeRequestHeadersInCheck: s,
      includeAdditionalHeadersInCheck: map(string),
      headersToUpstreamOnAllow: s,
      headersToDownstreamOnDeny: s,
      headersToDownstreamOnAllow: s,
    }),
    envoyExtAuthzGrpc: message(extAuthz),
    zipkin: message({ ...span, enable64bitTraceId: bool }),
    lightstep: message({ ...span, accessToken: string }),
    datadog: message(span),
    stackdriver: message({
      debug: bool,
      maxNumberOfAttributes: wrapper(int64),
      maxNumberOfAnnotations: wrapper(int64),
      maxNumberOfMessageEvents: wrapper(int64),
      maxTagLength: uint,
      logging: message({ labels: map(string) }),
    }),
    opencensus: message({
      ...span,
      context: repeated(enumeration(['UNSPECIFIED', 'W3C_TRACE_CONTEXT', 'GRPC_BIN', 'CLOUD_TRACE_CONTEXT', 'B3'])),
    }),
    skywalking: message({ service: string, port: uint, accessToken: string }),
    opentelemetry: message(span),
    prometheus: message({}),
    envoyFileAccessLog: message({
      path: string,
      logFormat: message({ text: string, labels: struct }, [['text', 'labels']]),
    }),
    envoyHttpAls: message(als),
    envoyTcpAls: message({ service: string, port: uint, logName: string, filterStateObjectsToLog: s }),
    envoyOtelAls: message({
      service: string,
      port: uint,
      logName: string,
      logFormat: message({ text: string, labels: struct }),
    }),
  },
  [
    [
      'envoyExtAuthzHttp',
      'envoyExtAuthzGrpc',
      'zipkin',
      'lightstep',
      'datadog',
      'stackdriver',
      'opencensus',
      'skywalking',
      'opentelemetry',
      'prometheus',
      'envoyFileAccessLog',
      'envoyHttpAls',
      'envoyTcpAls',
      'envoyOtelAls',
    ],
  ],
);
export type ExtensionProvider = Infer<typeof ExtensionProvider>;
/** istio.mesh.v1alpha1.MeshConfig */
export const MeshConfig = message({
  proxyListenPort: int,
  proxyInboundListenPort: int,
  proxyHttpPort: int,
  connectTimeout: duration,
  protocolDetectionTimeout: duration,
  tcpKeepalive: TcpKeepalive,
  ingressClass: string,
  ingressService: string,
  ingressControllerMode: enumeration(['UNSPECIFIED', 'OFF', 'DEFAULT', 'STRICT']),
  ingressSelector: string,
  enableTracing: bool,
  accessLogFile: string,
  accessLogFormat: string,
  accessLogEncoding: enumeration(['TEXT', 'JSON']),
  enableEnvoyAccessLogService: bool,
  disableEnvoyListenerLog: bool,
  defaultConfig: MeshProxyConfig,
  outboundTrafficPolicy: MeshOutboundTrafficPolicy,
  configSources: repeated(
    message({
      address: string,
      tlsSettings: ClientTLSSettings,
      subscribedResources: repeated(enumeration(['SERVICE_REGISTRY'])),
    }),
  ),
  enableAutoMtls: wrapper(bool),
  trustDomain: string,
  trustDomainAliases: s,
  caCertificates: repeated(
    message({ pem: string, spiffeBundleUrl: string, certSigners: s, trustDomains: s }, [['pem', 'spiffeBundleUrl']]),
  ),
  defaultServiceExportTo: s,
  defaultVirtualServiceExportTo: s,
  defaultDestinationRuleExportTo: s,
  rootNamespace: string,
  localityLbSetting: LocalityLoadBalancerSetting,
  dnsRefreshRate: duration,
  h2UpgradePolicy: enumeration(['DO_NOT_UPGRADE', 'UPGRADE']),
  inboundClusterStatName: string,
  outboundClusterStatName: string,
  certificates: repeated(message({ secretName: string, dnsNames: s })),
  enablePrometheusMerge: wrapper(bool),
  verifyCertificateAtClient: wrapper(bool),
  ca: struct,
  extensionProviders: repeated(ExtensionProvider),
  defaultProviders: message({ tracing: s, metrics: s, accessLogging: s }),
  discoverySelectors: repeated(LabelSelector),
  pathNormalization: message({
    normalization: enumeration(['DEFAULT', 'NONE', 'BASE', 'MERGE_SLASHES', 'DECODE_AND_MERGE_SLASHES']),
  }),
  defaultHttpRetryPolicy: HTTPRetry,
  meshMTLS: message({
    minProtocolVersion: enumeration(['TLS_AUTO', 'TLSV1_2', 'TLSV1_3']),
    ecdhCurves: s,
    cipherSuites: s,
  }),
  tlsDefaults: message({
    minProtocolVersion: enumeration(['TLS_AUTO', 'TLSV1_2', 'TLSV1_3']),
    ecdhCurves: s,
    cipherSuites: s,
  }),
  serviceSettings: repeated(message({ settings: message({ clusterLocal: bool }), hosts: s })),
});
export type MeshConfig = Infer<typeof MeshConfig>;
/** istio.mesh.v1alpha1.MeshNetworks */
export const MeshNetworks = message({
  networks: map(
    message({
      endpoints: repeated(message({ fromCidr: string, fromRegistry: string }, [['fromCidr', 'fromRegistry']])),
      gateways: repeated(
        message({ registryServiceName: string, address: string, port: uint, locality: string }, [
          ['registryServiceName', 'address'],
        ]),
      ),
    }),
  ),
});
export type MeshNetworks = Infer<typeof MeshNetworks>;
