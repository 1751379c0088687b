export { resourceKey, typeUrls, type ResourceKey, type XdsKind } from './finish/kinds.ts';
export { completed } from './finish/parts.ts';
export type { Made } from './members.ts';
export { readAll, readOne } from './read.ts';
export { messageOf } from './message-of.ts';
export type { XdsResource } from './resource.ts';
export {
  type ListKey,
  type WholeKind,
  isWhole,
  listKey,
  listOfOne,
  listsOf,
  namedMember,
  preparedLists,
} from './roots.ts';
export { type SecretRefusal, secretAccess } from './secrets/access.ts';
export { resourceName } from './tls/sds.ts';
