import { deepEqual } from '@flotilla/std';
import { idOf, isEmpty, type EncodedBatch, type EncodedPut } from './encoded.ts';
import { TooLargeError } from './port.ts';
import { lengthOf } from './wire-key.ts';
import { createSessions } from './sessions.ts';

/** The publisher's side of a bus: what has been published so far, of one session at a time (`createSessions`). */
export interface BusState {
  /**
   * Takes a batch in and returns what of it is new: no equal values, no deletes of what isn't there; undefined when
   * nothing. A publisher does not return to an earlier session. Throws TooLargeError when the state would become larger
   * than `maxBytes`; it is unchanged then.
   */
  take(batch: EncodedBatch): EncodedBatch | undefined;
  /** All of it as one batch. */
  whole(): EncodedBatch;
  /** Some collection is complete: there is a state that readers can be given. */
  readonly isComplete: boolean;
}

/** A whole state travels as one message over gRPC. */
const maxStateBytes = 256 * 1024 * 1024;
/** What a put takes beside its texts, at most. */
const overheadBytes = 128;

/** Equal as values: the order of an object's members does not matter. */
const same = (a: EncodedPut, b: EncodedPut): boolean =>
  a.text === b.text || (a.text.length === b.text.length && deepEqual(JSON.parse(a.text), JSON.parse(b.text)));
const sizeOf = (puts: readonly EncodedPut[]): number =>
  puts.reduce((sum, { key, text }) => sum + Buffer.byteLength(text) + lengthOf(key) + overheadBytes, 0);

export function createBusState({ maxBytes = maxStateBytes }: { readonly maxBytes?: number } = {}): BusState {
  const sessions = createSessions<EncodedPut>({ remember: (put) => put, same });
  const heldPuts = (): EncodedPut[] => [...sessions.held.values.values()].map(({ value }) => value);
  /** At least the size of what is held. Counted again only when it seems too large: most changes replace something. */
  let bytes = 0;

  function checkSize(batch: EncodedBatch): void {
    const added = sizeOf(batch.put);
    if (bytes + added > maxBytes) {
      const changed = new Set([...batch.put, ...batch.delete].map(idOf));
      bytes = sizeOf(heldPuts().filter((put) => !changed.has(idOf(put))));
      const needed = bytes + added;
      if (needed > maxBytes) {
        bytes = sizeOf(heldPuts());
        throw new TooLargeError(needed, maxBytes);
      }
    }
    bytes += added;
  }

  return {
    take(batch) {
      checkSize(batch);
      const fresh = batch.session === sessions.session ? sessions.change(batch) : sessions.begin(batch);
      return fresh && !isEmpty(fresh) ? fresh : undefined;
    },
    whole() {
      const { session, seq, writer, complete } = sessions.held;
      return { session, seq, writer, put: heldPuts(), delete: [], complete: [...complete] };
    },
    get isComplete() {
      return sessions.held.complete.size > 0;
    },
  };
}
