import type { InputNode } from './cell.ts';
import type { QueryKey } from './key.ts';
import type { ListWatch } from './list.ts';
import type { Query } from './query.ts';
import type { Signature, Subject } from './subject.ts';

export type AnyQuery = Query<QueryKey, unknown, never>;
export type Outcome = { readonly value: unknown } | { readonly error: unknown };
/** What a query can read. */
export type Node = InputNode | Entry;

/**
 * One remembered result, for all subjects that agree on `signature`.
 * clean: valid; check: something it reads may have changed; dirty: an input it read has changed; gone: another entry is
 * in its place.
 */
export class Entry {
  readonly query: AnyQuery;
  readonly key: QueryKey;
  readonly signature: Signature;
  /** The subjects' values of the signature. */
  readonly values: string;
  outcome: Outcome;
  state: 'clean' | 'check' | 'dirty' | 'gone' = 'clean';
  /** What was read, in order, and at the same place in `was` what was seen. */
  reads: readonly Node[] = [];
  was: readonly unknown[] = [];
  // Most entries have one dependent and no watch.
  #dependents: Entry | Set<Entry> | undefined;
  #watches: Set<Watch> | undefined;

  constructor(at: { query: AnyQuery; key: QueryKey; signature: Signature; values: string; outcome: Outcome }) {
    this.query = at.query;
    this.key = at.key;
    this.signature = at.signature;
    this.values = at.values;
    this.outcome = at.outcome;
  }

  get dependents(): Iterable<Entry> {
    return this.#dependents instanceof Entry ? [this.#dependents] : (this.#dependents ?? []);
  }

  get dependentCount(): number {
    return this.#dependents instanceof Set ? this.#dependents.size : this.#dependents === undefined ? 0 : 1;
  }

  get watches(): ReadonlySet<Watch> {
    return this.#watches ?? unwatched;
  }

  get isHeld(): boolean {
    return this.#dependents !== undefined || this.watches.size > 0;
  }

  addDependent(entry: Entry): void {
    if (this.#dependents instanceof Set) this.#dependents.add(entry);
    else if (this.#dependents === undefined) this.#dependents = entry;
    else if (this.#dependents !== entry) this.#dependents = new Set([this.#dependents, entry]);
  }

  removeDependent(entry: Entry): void {
    if (this.#dependents === entry) this.#dependents = undefined;
    else if (this.#dependents instanceof Set && this.#dependents.delete(entry) && this.#dependents.size === 0)
      this.#dependents = undefined;
  }

  addWatch(watch: Watch): void {
    (this.#watches ??= new Set()).add(watch);
  }

  removeWatch(watch: Watch): void {
    this.#watches?.delete(watch);
  }
}
const unwatched: ReadonlySet<Watch> = new Set();

/** A subject's standing interest in a result. */
export class Watch {
  readonly subject: Subject;
  entry: Entry;
  /** The list that it belongs to. */
  list?: ListWatch;

  constructor(subject: Subject, entry: Entry) {
    this.subject = subject;
    this.entry = entry;
  }

  get query(): AnyQuery {
    return this.entry.query;
  }

  get key(): QueryKey {
    return this.entry.key;
  }

  get outcome(): Outcome {
    return this.entry.outcome;
  }
}

/** What a reader sees of an outcome: identity of the value, or of the failure. */
export const seen = (outcome: Outcome): unknown => ('value' in outcome ? outcome.value : outcome);

export function valueOf(outcome: Outcome): unknown {
  if ('error' in outcome) throw outcome.error;
  return outcome.value;
}
