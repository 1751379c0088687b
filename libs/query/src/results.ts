import { deepEqual } from '@flotilla/std';
import type { QueryKey } from './key.ts';
import type { AnyQuery, Entry, Outcome } from './node.ts';
import { Slot } from './slot.ts';
import type { Signature, Subject } from './subject.ts';

/** Results by query, key and what they depend on of the subject. */
export class Results {
  readonly #slots = new Map<AnyQuery, Map<QueryKey, Slot>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The result that answers for a subject, valid or not; `without` are passed over. */
  find({ query, key }: Asked, subject: Subject, without?: ReadonlySet<Entry>): Entry | undefined {
    return this.#slots.get(query)?.get(key)?.find(subject, without);
  }

  /** The result for subjects with these values of these attributes. */
  of({ query, key }: Asked, signature: Signature, values: string): Entry | undefined {
    return this.#slots.get(query)?.get(key)?.at(signature, values);
  }

  add(entry: Entry): Entry {
    let keys = this.#slots.get(entry.query);
    if (!keys) this.#slots.set(entry.query, (keys = new Map()));
    let slot = keys.get(entry.key);
    if (!slot) keys.set(entry.key, (slot = new Slot()));
    slot.add(entry);
    this.#size += 1;
    return entry;
  }

  remove(entry: Entry): void {
    const keys = this.#slots.get(entry.query);
    if (keys?.get(entry.key)?.remove(entry)) keys.delete(entry.key);
    this.#size -= 1;
  }

  *[Symbol.iterator](): Iterator<Entry> {
    for (const slots of this.#slots.values()) for (const slot of slots.values()) yield* slot.entries();
  }
}

/** What is asked for, apart from the subject. */
export interface Asked {
  readonly query: AnyQuery;
  readonly key: QueryKey;
}

/** Early cut-off: the outcome of the first of these results that is equal to a new one, else the new one. */
export function reuseOutcome(query: AnyQuery, fresh: Outcome, known: readonly (Entry | undefined)[]): Outcome {
  const equals = query.equals ?? deepEqual;
  const isEqual = (before: Outcome): boolean =>
    'value' in before && 'value' in fresh && equals(before.value as never, fresh.value as never);
  return known.find((entry) => entry && isEqual(entry.outcome))?.outcome ?? fresh;
}
