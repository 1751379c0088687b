import type { Collection } from '@flotilla/model';
import { deepEqual } from '@flotilla/std';
import { idOf, type EncodedBatch, type EncodedPut } from './encoded.ts';

/** The publisher's side of a bus: what has been published so far. */
export interface BusState {
  /** Takes a batch in and returns what of it is new: no equal values, no deletes of what isn't there, and deletes of what a new session did not confirm. */
  take(batch: EncodedBatch): EncodedBatch;
  /** All of it as one batch. */
  whole(): EncodedBatch;
}

/** Equal as values: the order of an object's members does not count. */
const sameValue = (a: string, b: string): boolean => a === b || (a.length === b.length && deepEqual(JSON.parse(a), JSON.parse(b)));

export function createBusState(): BusState {
  const held = new Map<string, { put: EncodedPut; confirmed: string }>();
  const complete = new Set<Collection>();
  let session = '';
  let seq = 0;

  function isNew(put: EncodedPut): boolean {
    const id = idOf(put);
    const known = held.get(id);
    if (known && sameValue(known.put.text, put.text)) {
      known.confirmed = session;
      return false;
    }
    held.set(id, { put, confirmed: session });
    return true;
  }

  return {
    take(batch) {
      if (batch.session !== session) complete.clear();
      ({ session, seq } = batch);
      const put = batch.put.filter(isNew);
      const deleted = batch.delete.filter((gone) => held.delete(idOf(gone)));
      const done = batch.complete.filter((collection) => !complete.has(collection));
      const stale = done.length === 0 ? [] : [...held.values()].filter((entry) => done.includes(entry.put.collection) && entry.confirmed !== session);
      for (const entry of stale) held.delete(idOf(entry.put));
      for (const collection of done) complete.add(collection);
      return { ...batch, put, delete: [...deleted, ...stale.map((entry) => ({ collection: entry.put.collection, key: entry.put.key }))], complete: done };
    },
    whole: () => ({ session, seq, put: [...held.values()].map(({ put }) => put), delete: [], complete: [...complete] }),
  };
}
