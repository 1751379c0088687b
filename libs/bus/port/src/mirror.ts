import type { Collection } from '@flotilla/model';
import { hashBytes } from '@flotilla/std';
import { isEmpty, type EncodedBatch } from './encoded.ts';
import { createSessions } from './sessions.ts';

/**
 * The subscriber's side of a transport that can lose its connection: what the reader has been given, so that only
 * differences follow. That is the state of one session at a time: another session takes its place as a whole
 * (`createSessions`).
 */
export interface Mirror {
  /**
   * What of a batch the reader does not have yet; undefined when nothing. `whole`: the batch is the publisher's state
   * after a (re)connection, and the batches that follow are changes of it.
   */
  apply(batch: EncodedBatch, options?: { readonly whole?: boolean }): EncodedBatch | undefined;
}

export function createMirror(collections: readonly Collection[]): Mirror {
  const wanted = new Set(collections);
  const sessions = createSessions<string>({ remember: ({ text }) => hashBytes(text), same: (a, b) => a === b });
  const isWanted = ({ collection }: { readonly collection: Collection }): boolean => wanted.has(collection);

  return {
    apply(batch, { whole = false } = {}) {
      const complete = batch.complete.filter((collection) => wanted.has(collection));
      const part = { ...batch, put: batch.put.filter(isWanted), delete: batch.delete.filter(isWanted), complete };
      const fresh = whole ? sessions.begin(part) : sessions.change(part);
      return fresh && !isEmpty(fresh) ? fresh : undefined;
    },
  };
}
