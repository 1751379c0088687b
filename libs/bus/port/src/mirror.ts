import type { Collection } from '@flotilla/model';
import { hashBytes } from '@flotilla/std';
import { idOf, isEmpty, type EncodedBatch } from './encoded.ts';
import type { Delete } from './port.ts';

/** The subscriber's side of a transport that can lose its connection: what the reader has been given, so that only differences follow. */
export interface Mirror {
  /**
   * What of a batch the reader does not have yet; undefined when nothing.
   * A `whole` batch is the publisher's state after a (re)connection: of the collections that it calls complete, now or later, everything else is gone.
   */
  apply(batch: EncodedBatch, options?: { readonly whole?: boolean }): EncodedBatch | undefined;
}

export function createMirror(collections: readonly Collection[]): Mirror {
  const wanted = new Set(collections);
  const held = new Map<string, Delete & { hash: string; round: number }>();
  /** What the reader was told to be complete, in `session`. */
  const told = new Set<Collection>();
  let session = '';
  let round = 0;

  return {
    apply(batch, { whole = false } = {}) {
      if (whole) round += 1;
      if (batch.session !== session) told.clear();
      session = batch.session;
      const put = batch.put.filter((item) => {
        if (!wanted.has(item.collection)) return false;
        const hash = hashBytes(item.text);
        const known = held.get(idOf(item));
        held.set(idOf(item), { collection: item.collection, key: item.key, hash, round });
        return known?.hash !== hash;
      });
      const gone: Delete[] = batch.delete.filter((item) => held.delete(idOf(item)));
      const complete = batch.complete.filter((collection) => wanted.has(collection));
      if (complete.length > 0) {
        for (const [id, { collection, key, round: seen }] of held) {
          if (seen === round || !complete.includes(collection)) continue;
          held.delete(id);
          gone.push({ collection, key });
        }
      }
      const fresh = complete.filter((collection) => !told.has(collection));
      for (const collection of fresh) told.add(collection);
      const result = { ...batch, put, delete: gone, complete: fresh };
      return isEmpty(result) ? undefined : result;
    },
  };
}
