export { resourceKey, typeUrls, type ResourceKey, type XdsKind } from './finish/kinds.ts';
export { completed } from './finish/parts.ts';
export type * from './members.ts';
export * from './read.ts';
export { messageOf } from './message-of.ts';
export * from './resource.ts';
export * from './roots.ts';
export * from './secrets/access.ts';
