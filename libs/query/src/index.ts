export { Engine, type EngineOptions, type EngineStats, type Piece, type Reader } from './engine.ts';
export { Fork, ForkEnded } from './fork.ts';
export { type Cell } from './cell.ts';
export { type Budget } from './runner.ts';
export { type ResultInfo, type ResultPlace } from './inspect.ts';
export { type Entry as Result, type Watch } from './node.ts';
export { type CollectionIndexes } from './collection.ts';
export { Store, type Change, type Demand } from './store.ts';
export { causesOf, type Input } from './inputs.ts';
export {
  ListWatch,
  member,
  sameMember,
  sameMembers,
  type FailedSource,
  type ListSource,
  type Member,
  type MemberList,
  type NamedWatch,
} from './list.ts';
export { Subject, type Signature } from './subject.ts';
export { Interruption, QueryCycle, defineQuery, type Attempt, type Query, type Reads } from './query.ts';
export { checkAgainstScratch, type Mismatch } from './check.ts';
export {
  compareKeys,
  defineKey,
  InternedKey,
  internList,
  type Key,
  type KeyField,
  type KeyOf,
  type QueryKey,
  type StoreKey,
} from './key.ts';
