import type { QueryKey, StoreKey } from './key.ts';

/**
 * Everything that a query can read. Every call is recorded, a miss too; a query reads nothing else (no clock,
 * environment, log or bus), so its result can be reused while everything it read is unchanged.
 */
export interface Reads {
  get(collection: string, key: StoreKey): unknown;
  /** Keys of the values that the index files under `key`, in order. */
  index(collection: string, index: string, key: StoreKey): readonly StoreKey[];
  /** All keys of the collection, in order: a changed value does not touch who merely lists. */
  list(collection: string): readonly StoreKey[];
  /** Whether the collection has no values: only the first and the last one affect a reader. */
  isEmpty(collection: string): boolean;
  /**
   * An attribute of the subject (the proxy) by path: `namespace`, `labels.app`. Read the smallest that does: it decides
   * who shares the result.
   */
  attr(path: string): unknown;
  query<K extends QueryKey, R, V>(query: Query<K, R, V>, key: K): R;
  /** The same for those who go on without what fails. */
  attempt<K extends QueryKey, R, V>(query: Query<K, R, V>, key: K): Attempt<R>;
}
/** The result of a query, or why there is none. */
export type Attempt<R> = { readonly value: R } | { readonly error: unknown };

/** A pure function of a view and a key. `V` is the view as the query sees it: its own typed face of `Reads`. */
export interface Query<K extends QueryKey, R, V = Reads> {
  readonly name: string;
  readonly run: (view: V, key: K) => R;
  /** When equal, the old result stays and its readers do not run again. Default: structural equality. */
  equals?(a: R, b: R): boolean;
}

export const defineQuery = <V, K extends QueryKey, R>(
  name: string,
  run: (view: V, key: K) => R,
  options: { equals?: (a: R, b: R) => boolean } = {},
): Query<K, R, V> => ({ name, run, ...options });

/**
 * A query that needs its own result: a bug. It is the outcome of the query at which the cycle closes. Which one that is
 * depends on what was computed before, so the message does not name it; `path` does.
 */
export class QueryCycle extends Error {
  readonly path: readonly string[];
  /** The depth of that query among those that run; undefined once it has its outcome. */
  closesAt: number | undefined;

  constructor(path: readonly string[], closesAt: number) {
    super('queries depend on themselves');
    this.path = path;
    this.closesAt = closesAt;
  }
}

/**
 * Goes through everything that runs when a piece of work is over, which later goes on where it was. Queries that catch
 * errors need not know it: a run that was interrupted has no outcome. Those that would catch it many times rethrow it.
 */
export class Interruption extends Error {
  constructor() {
    super('interrupted, to go on later');
  }
}
