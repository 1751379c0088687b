import type { Collection } from '@flotilla/model';
import { AsyncQueue } from '@flotilla/std';
import { decodeBatch, idOf, type CollectionKey, type EncodedBatch, type EncodedPut } from './encoded.ts';
import { thisWriter } from './format.ts';
import type { Batch, Delete, TraceParent } from './port.ts';

/** More traces than this of one gathered batch tell nobody anything. */
const maxTraces = 100;

/**
 * What one reader hasn't taken yet: the latest value of each key, so that a slow one costs no more than the state
 * itself.
 */
export interface Outbox {
  add(batch: EncodedBatch): void;
  /** Each step takes everything that gathered; ends when `signal` aborts or the outbox is closed. */
  batches(signal: AbortSignal): AsyncGenerator<Batch>;
  /** The same, still encoded: undefined when nothing gathered. */
  take(): EncodedBatch | undefined;
  close(): void;
}

export function createOutbox(collections: readonly Collection[], onFilled: () => void = () => {}): Outbox {
  const wanted = new Set(collections);
  const puts = new Map<CollectionKey, EncodedPut>();
  const deletes = new Map<CollectionKey, Delete>();
  const complete = new Set<Collection>();
  const coalesced = new Set<TraceParent>();
  const wake = new AsyncQueue<null>();
  let latest = { session: '', seq: 0, writer: thisWriter };
  const isEmpty = (): boolean => puts.size === 0 && deletes.size === 0 && complete.size === 0;

  function replace(id: CollectionKey): void {
    const trace = puts.get(id)?.trace ?? deletes.get(id)?.trace;
    if (trace && coalesced.size < maxTraces) coalesced.add(trace);
    puts.delete(id);
    deletes.delete(id);
  }

  function take(): EncodedBatch | undefined {
    if (isEmpty()) return undefined;
    const batch = {
      ...latest,
      put: [...puts.values()],
      delete: [...deletes.values()],
      complete: [...complete],
      ...(coalesced.size > 0 ? { coalesced: [...coalesced] } : {}),
    };
    for (const part of [puts, deletes, complete, coalesced]) part.clear();
    return batch;
  }

  return {
    take,
    add(batch) {
      const wasEmpty = isEmpty();
      latest = { session: batch.session, seq: batch.seq, writer: batch.writer };
      for (const put of batch.put) {
        if (!wanted.has(put.collection)) continue;
        replace(idOf(put));
        puts.set(idOf(put), put);
      }
      for (const gone of batch.delete) {
        if (!wanted.has(gone.collection)) continue;
        replace(idOf(gone));
        deletes.set(idOf(gone), gone);
      }
      for (const collection of batch.complete) if (wanted.has(collection)) complete.add(collection);
      for (const trace of batch.coalesced ?? []) if (coalesced.size < maxTraces) coalesced.add(trace);
      if (!wasEmpty || isEmpty()) return;
      if (wake.size === 0) wake.push(null);
      onFilled();
    },
    async *batches(signal) {
      const stop = (): void => wake.close();
      signal.addEventListener('abort', stop, { once: true });
      if (signal.aborted) stop();
      try {
        for await (const _ of wake) {
          const batch = take();
          if (batch) yield decodeBatch(batch);
          if (signal.aborted) return;
        }
      } finally {
        signal.removeEventListener('abort', stop);
      }
    },
    close: () => wake.close(),
  };
}
