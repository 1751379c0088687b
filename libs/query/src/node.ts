import type { Query } from './query.ts';
import type { Signature } from './subject.ts';
import type { Watch } from './engine.ts';

/** A cell of the store that some query read. */
export class InputNode {
  readonly dependents = new Set<Entry>();
  readonly #read: () => unknown;
  value: unknown;

  constructor(read: () => unknown) {
    this.#read = read;
    this.value = read();
  }

  /** Reads again; whether the value differs. Lists are compared by content. */
  refresh(): boolean {
    const fresh = this.#read();
    const old = this.value;
    if (Array.isArray(fresh) && Array.isArray(old) && fresh.length === old.length && fresh.every((item, i) => item === old[i])) return false;
    this.value = fresh;
    return fresh !== old;
  }
}

export type AnyQuery = Query<string, unknown, never>;
export type Outcome = { readonly value: unknown } | { readonly error: unknown };

/**
 * One remembered result, for all subjects that agree on `signature`.
 * clean: valid; check: something it reads may have changed; dirty: an input it read has changed.
 */
export class Entry {
  readonly dependents = new Set<Entry>();
  readonly watches = new Set<Watch>();
  state: 'clean' | 'check' | 'dirty' = 'clean';
  /** What was read, in order, with what was seen. */
  reads: Map<InputNode | Entry, unknown> = new Map();
  readonly query: AnyQuery;
  readonly key: string;
  readonly signature: Signature;
  readonly values: string;
  outcome: Outcome;

  constructor(at: { query: AnyQuery; key: string; signature: Signature; values: string; outcome: Outcome }) {
    this.query = at.query;
    this.key = at.key;
    this.signature = at.signature;
    this.values = at.values;
    this.outcome = at.outcome;
  }
}

/** What a reader sees of an outcome: identity of the value, or of the failure. */
export const seen = (outcome: Outcome): unknown => ('value' in outcome ? outcome.value : outcome);
