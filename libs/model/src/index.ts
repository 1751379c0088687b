export { type AnyResource, type Collection, type Meta, type Resource, keyOf } from './resource.ts';
export { type ObjectKey, meshObject, meshObjectKey, objectKey } from './object-key.ts';
export { type Installation, defaultInstallation } from './installation.ts';
export { versionOf } from './version.ts';
export { type Problem, type Reading, printableProblem } from './problem.ts';
export type { Batch, BatchFormat, BatchWriter, Delete, Put, TraceParent } from './batch.ts';
export { type KindInfo, collections, kinds, meshSchemas } from './kinds.ts';
export { unsupportedKinds } from './unsupported-kinds.ts';
export { defaultMeshConfig, mergeProxyConfig } from './mesh-defaults.ts';
export { kindOf, parseMeshConfig, parseMeshNetworks, parseResource } from './parse-resource.ts';
export { proxyConfigMistakes } from './proxy-config.ts';
export { parseValue, type Parsed, type ParseOptions } from './schema/parse.ts';
export { writeProtoJson } from './schema/write.ts';
export type * as k8s from './schema/kubernetes.ts';
export type { Infer, Schema } from './schema/schema.ts';
export type {
  Destination,
  HTTPMatchRequest,
  HTTPRetry,
  HTTPRoute,
  HTTPRouteDestination,
  Headers,
  L4MatchAttributes,
  RouteDestination,
  TLSMatchAttributes,
  VirtualService,
} from './schema/virtual-service.ts';
export type {
  ClientTLSSettings,
  ConnectionPoolSettings,
  DestinationRule,
  LoadBalancerSettings,
  LocalityLoadBalancerSetting,
  OutlierDetection,
  PortTrafficPolicy,
  TcpKeepalive,
  TrafficPolicy,
} from './schema/destination-rule.ts';
export type {
  EnvoyFilter,
  Gateway,
  IstioEgressListener,
  IstioIngressListener,
  Server,
  ServerTLSSettings,
  ServiceEntry,
  Sidecar,
  WorkloadEntry,
  WorkloadGroup,
} from './schema/networking.ts';
export type {
  AuthorizationPolicy,
  AuthorizationRule,
  JWTRule,
  PeerAuthentication,
  RequestAuthentication,
} from './schema/security.ts';
export type { Telemetry, WasmPlugin } from './schema/telemetry.ts';
export { istioMetrics } from './schema/telemetry.ts';
export type { ExtensionProvider, MeshConfig, MeshNetworks } from './schema/mesh-config.ts';
export { MeshProxyConfig } from './schema/mesh-config.ts';
export type { Port, StringMatch } from './schema/common.ts';
export { buildCustomResourceDefinition, customKinds } from './crd/custom-resource-definition.ts';
export {
  type Credential,
  type CredentialSource,
  type CredentialSubscription,
  type CredentialUpdate,
  credentialIn,
  noRoots,
  rootsSuffix,
} from './credential.ts';
export type { UnservedCredential, UnservedReason } from './unserved-credential.ts';
export type { IdentifyToken, TokenVerdict } from './token-verdict.ts';
export {
  type JwksFetchMode,
  type KeySetKey,
  type KeySetProblem,
  type KeySetSource,
  type KeySetSubscription,
  type OnKeySet,
  type WantedKeySet,
  discoveryOf,
  keySetKey,
} from './key-set.ts';
export {
  type ClusterOrigin,
  type FileOrigin,
  type Origin,
  describeOrigin,
  joinPaths,
  pathInDocument,
} from './origin.ts';
export type { LocatedProblem, ObjectFound, ObjectId, Scope, SourceChange, SourceEvent } from './object-event.ts';
export { messages, type Message } from './messages/table.ts';
export { asWarning, buildProblem } from './messages/build-problem.ts';
