export { type ProxyAttributes, type View, type WorldQuery, isSelected, worldQuery } from './view.ts';
export { cellsOf, createWorldStore, resourcePatches, worldChanges } from './store.ts';
export { mesh, rootNamespace, setting, trustDomain } from './mesh-settings.ts';
export { allServices, exportedOfHost, exportedServices, ownerOf, providerHost, serviceOf } from './services.ts';
export {
  type ResolvedVirtualService,
  gatewayUse,
  virtualServiceHeader,
  virtualServiceOf,
  virtualServicesFor,
} from './virtual-services.ts';
export {
  type MergedRule,
  type RuleFor,
  type RuleKey,
  destinationRule,
  destinationRuleKey,
  destinationRuleOf,
  destinationRulesOf,
  noRule,
} from './destination-rules.ts';
export {
  type EgressScope,
  type ServiceRef,
  ownersOf,
  scopeOwner,
  scopedService,
  serviceForHost,
  sidecarResource,
  sidecarScope,
} from './sidecar-scope.ts';
export { type EndpointSource, endpointSource, endpointsFrom, instancesOfPort, serviceAccountsOf } from './endpoints.ts';
export { localityOfProxy, podOfProxy, registeredWorkload, serviceTargets } from './targets.ts';
export { proxySubject, workload } from './workload.ts';
export { type InboundPort, inboundPort, inboundPorts } from './inbound-ports.ts';
export { addressesFor } from './addresses.ts';
export { proofOf, provenAccount } from './proof.ts';
export { type Node, parseProxy } from './proxy.ts';
export { credentialChanges, credentialOf, credentialReaders, credentials, mayReadCredentials } from './credentials.ts';
export { keyOriginOf, keySetChange, keySetOf, wantedKeySets } from './key-sets.ts';
export { type NetworkGateway, gatewaysTo, networkGateways } from './networks.ts';
export { isClusterLocal } from './cluster-local.ts';
export {
  type OwnCertificate,
  acceptsHttp10,
  balancesExactly,
  canListenOn,
  hasCredentialSocket,
  httpProxyPort,
  idleTimeout,
  isAtLeast,
  ownCertificate,
  proxyConfig,
} from './proxy-settings.ts';
