export { type Result, err, messageOf, ok, unreachable } from './result.ts';
export { type Clock, pause, steadyClock, systemClock } from './clock.ts';
export { hashBytes, shareOf, sumText } from './hash.ts';
export { type Chunks, chunksOf, joined, lengthOf } from './chunks.ts';
export { compareText, deepEqual, stableStringify } from './equal.ts';
export { deepFreeze } from './freeze.ts';
export { freezeShared, freezesShared, shared } from './shared.ts';
export { groupBy, sortedBy } from './order.ts';
export { isRecord } from './record.ts';
export { AsyncQueue } from './async-queue.ts';
export { aborted } from './abort.ts';
export { createBackoff, type Backoff, type BackoffOptions } from './backoff.ts';
export type { OptionsOf, Setting, Settings } from './setting-kinds.ts';
/** Kinds of settings: `setting.port(...)`. */
export * as setting from './setting-kinds.ts';
export { Lru } from './lru.ts';
export {
  longest,
  maxUint32,
  parseDecimal,
  parseInteger,
  parseNanoseconds,
  parsePort,
  parseQuantity,
  parseSeconds,
  parseTimestamp,
  parseUint,
  quote,
  tooLong,
  withoutTrailing,
} from './outside/index.ts';
export { maxMessage, namesSecret, printable, printableData } from './printable.ts';
export {
  type JsonLimits,
  type Positions,
  type ReadProblem,
  type YamlLimits,
  annotationLimits,
  configLimits,
  documentLimits,
  ownMember,
  positionOf,
  readJson,
  readJsonObject,
  readYaml,
  readYamlDocuments,
  setMember,
} from './outside/readers.ts';
export { closest } from './closest.ts';
export { type TokenBuckets, createTokenBuckets } from './token-bucket.ts';
export { type Slots, createSlots } from './slots.ts';
export { createFairSet, type FairSet } from './fair-set.ts';
export { type FairSlots, createFairSlots } from './fair-slots.ts';
export { inTurns, nextTurn } from './turns.ts';
