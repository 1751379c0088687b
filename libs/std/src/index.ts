export * from './result.ts';
export * from './clock.ts';
export * from './hash.ts';
export * from './equal.ts';
export * from './freeze.ts';
export * from './shared.ts';
export * from './order.ts';
export * from './async-queue.ts';
export * from './abort.ts';
export { createBackoff, type Backoff, type BackoffOptions } from './backoff.ts';
export type { OptionsOf, Setting, Settings } from './setting-kinds.ts';
/** Kinds of settings: `setting.port(...)`. */
export * as setting from './setting-kinds.ts';
export * from './lru.ts';
export * from './outside/index.ts';
export * from './printable.ts';
export * from './outside/readers.ts';
export * from './closest.ts';
export * from './token-bucket.ts';
