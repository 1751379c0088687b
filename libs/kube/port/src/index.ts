export type { KubeApi, NewObject, Patch, Precondition } from './kube-api.ts';
export { isConflict, isExpired, isForbidden, isNotFound, KubeError, type KubeErrorDetails } from './kube-error.ts';
export {
  describeName,
  describeResource,
  type KubeMetadata,
  type KubeName,
  type KubeObject,
  type KubeResource,
  type ServedKind,
} from './kube-object.ts';
export type { Leadership } from './leadership.ts';
export { createLease, getLease, replaceLease, type Lease, type LeaseRecord } from './lease.ts';
export { resources } from './resources.ts';
export { reviewAccess, reviewToken, type Access, type TokenIdentity, type TokenVerdict } from './reviews.ts';
export type { Selection, WatchEvent } from './watch-event.ts';
