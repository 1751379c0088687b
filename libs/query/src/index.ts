export { Engine, type EngineStats } from './engine.ts';
export { type Watch } from './node.ts';
export { Store, type Change, type CollectionIndexes, type Demand } from './store.ts';
export { Subject } from './subject.ts';
export { QueryCycle, defineQuery, type Query, type Reads } from './query.ts';
export { checkAgainstScratch, type Mismatch } from './check.ts';
