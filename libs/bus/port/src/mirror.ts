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

export interface MirrorOptions {
  /** What is remembered of a value to see whether another one is equal: its hash, unless it is held anyway. */
  readonly remember?: (text: string) => string;
}

export function createMirror(collections: readonly Collection[], { remember = hashBytes }: MirrorOptions = {}): Mirror {
  const wanted = new Set(collections);
  const sessions = createSessions<string>({ remember: ({ text }) => remember(text), same: (a, b) => a === b });
  const isWanted = ({ collection }: { readonly collection: Collection }): boolean => wanted.has(collection);

  return {
    apply(batch, { whole = false } = {}) {
      // A collection that the writer does not know is complete: nobody waits for it.
      const declared = new Set<string>(batch.writer.collections);
      const completed = new Set(batch.complete);
      const complete = collections.filter((collection) => completed.has(collection) || !declared.has(collection));
      const part = { ...batch, put: batch.put.filter(isWanted), delete: batch.delete.filter(isWanted), complete };
      const fresh = whole ? sessions.begin(part) : sessions.change(part);
      return fresh && !isEmpty(fresh) ? fresh : undefined;
    },
  };
}
