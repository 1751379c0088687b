export { formatAddress, formatPrefix, isAddress, parseAddress, parsePrefix, prefixContains } from './address.ts';
export type { Address, Prefix } from './address.ts';
export { bornAt, compareAge } from './age.ts';
export type { Aged } from './age.ts';
export { isFalse, isTrue, parseBool } from './bool.ts';
export { knownCipherSuites } from './cipher-suites.ts';
export { controlPlaneHost, controlPlaneIdentity } from './control-plane.ts';
export type { ControlPlane } from './control-plane.ts';
export { credentialNames } from './credential-names.ts';
export {
  compareSpecific,
  hostMatches,
  hostSubsetOf,
  isWildcard,
  mostSpecificMatch,
  resolveShortName,
  serviceHostname,
} from './host.ts';
export { delegationLimits, Delegations } from './delegations.ts';
export { HostIndex } from './host-index.ts';
export {
  buildInjectionWebhooks,
  ignoredNamespaces,
  injectionSelectors,
  injectionWebhookName,
  injectionWebhookSuffix,
} from './injection-webhooks.ts';
export type { InjectionSelector, InjectionWebhookOptions } from './injection-webhooks.ts';
export { hasSameKeys, hasUsableKey, parseKeySet } from './key-set.ts';
export {
  hasSelector,
  labelSelectorSelects,
  labelsMatch,
  labelsMatchBy,
  selectorOf,
  selects,
  selectsNamespace,
} from './labels.ts';
export type { Labels, LabelSelector } from './labels.ts';
export { ingressClassAnnotation, isIstioIngress, istioIngressController } from './ingress-class.ts';
export type { IngressSettings } from './ingress-class.ts';
export { isHttp, isHttp2, isTcp, isTls, isUnsupported, kubernetesPortProtocol, parseProtocol } from './protocol.ts';
export type { Protocol } from './protocol.ts';
export { nameOfRevision } from './revision.ts';
export { routingClaim } from './routing-claim.ts';
export { parseSpiffe, serviceAccountOf, spiffeOf, validIdentity, withTrustDomains } from './spiffe.ts';
export type { SpiffeIdentity } from './spiffe.ts';
export { grpcStatusOf, isHttpStatus } from './status-codes.ts';
export { workloadOwnerOf } from './workload-owner.ts';
export type { OwnedPod, OwnerReference, WorkloadOwner } from './workload-owner.ts';
