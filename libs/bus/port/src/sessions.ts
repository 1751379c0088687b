import type { BatchWriter, Collection } from '@flotilla/model';
import { idOf, type CollectionKey, type EncodedBatch, type EncodedPut } from './encoded.ts';
import { thisWriter } from './format.ts';
import type { Delete } from './port.ts';

/**
 * What one end of the bus holds of a publisher's state: the values of one session at a time, never of two. Another
 * session is gathered beside the held one and takes its place in one step, as soon as it has completed every collection
 * that the held one had completed and its writer knows; the difference between the two is the result then. A session
 * that had completed nothing is replaced at once. `Value` is what is remembered of a put.
 */
export interface Sessions<Value> {
  /**
   * Takes a whole state in. Of the held session: returns what is different, and drops what was gathered. Of another:
   * starts to gather it, in place of what was gathered before; undefined until it replaces the held one.
   */
  begin(whole: EncodedBatch): EncodedBatch | undefined;
  /** Takes in a change of what was begun last; returns what is different now, undefined while that is only gathered. */
  change(batch: EncodedBatch): EncodedBatch | undefined;
  readonly held: State<Value>;
  /** The session that `change` continues. */
  readonly session: string;
}
export interface SessionsOptions<Value> {
  remember(put: EncodedPut): Value;
  /** Equal as values; the envelope does not matter. */
  same(a: Value, b: Value): boolean;
}
interface Entry<Value> extends Pick<Delete, 'collection' | 'key'> {
  readonly value: Value;
}
interface State<Value> {
  readonly session: string;
  readonly seq: number;
  readonly writer: BatchWriter;
  readonly values: Map<CollectionKey, Entry<Value>>;
  readonly complete: Set<Collection>;
}
interface Gathering<Value> {
  readonly state: State<Value>;
  /** The puts that differ from what is held. */
  readonly puts: Map<CollectionKey, EncodedPut>;
}

const nothing = <Value>(): State<Value> => ({
  session: '',
  seq: 0,
  writer: thisWriter,
  values: new Map(),
  complete: new Set(),
});
const headOf = ({ session, seq, writer }: EncodedBatch) => ({ session, seq, writer });
const place = ({ collection, key }: Entry<unknown>): Delete => ({ collection, key });

export function createSessions<Value>({ remember, same }: SessionsOptions<Value>): Sessions<Value> {
  let held = nothing<Value>();
  let gathering: Gathering<Value> | undefined;

  /** A change of what is held, or what is left of it when `absent` is taken away too. */
  function changeHeld(batch: EncodedBatch, absent: readonly Delete[] = []): EncodedBatch {
    if (batch.session !== held.session) held.complete.clear();
    const { values, complete } = held;
    held = { ...held, ...headOf(batch) };
    const put = batch.put.filter((item) => {
      const known = values.get(idOf(item));
      const value = remember(item);
      if (known && same(known.value, value)) return false;
      values.set(idOf(item), { collection: item.collection, key: item.key, value });
      return true;
    });
    const gone = [...batch.delete, ...absent].filter((item) => values.delete(idOf(item)));
    const completed = batch.complete.filter((collection) => !complete.has(collection));
    for (const collection of completed) complete.add(collection);
    return { ...batch, put, delete: gone, complete: completed };
  }

  function gather(batch: EncodedBatch, { state, puts }: Gathering<Value>): EncodedBatch | undefined {
    if (batch.session !== state.session) state.complete.clear();
    gathering = { state: { ...state, ...headOf(batch) }, puts };
    for (const item of batch.put) {
      const id = idOf(item);
      const known = held.values.get(id);
      const value = remember(item);
      state.values.set(id, { collection: item.collection, key: item.key, value });
      if (known && same(known.value, value)) puts.delete(id);
      else puts.set(id, item);
    }
    for (const item of batch.delete) {
      state.values.delete(idOf(item));
      puts.delete(idOf(item));
    }
    for (const collection of batch.complete) state.complete.add(collection);
    const known = new Set<string>(batch.writer.collections);
    const isReady = [...held.complete].every((collection) => state.complete.has(collection) || !known.has(collection));
    return isReady ? replaceHeld(batch, gathering) : undefined;
  }

  function replaceHeld(batch: EncodedBatch, { state, puts }: Gathering<Value>): EncodedBatch {
    const gone = [...held.values].filter(([id]) => !state.values.has(id)).map(([, entry]) => place(entry));
    held = state;
    gathering = undefined;
    return { ...batch, put: [...puts.values()], delete: gone, complete: [...state.complete] };
  }

  return {
    begin(whole) {
      if (whole.session !== held.session) return gather(whole, { state: nothing(), puts: new Map() });
      gathering = undefined;
      const present = new Set(whole.put.map(idOf));
      return changeHeld(
        whole,
        [...held.values].filter(([id]) => !present.has(id)).map(([, entry]) => place(entry)),
      );
    },
    change: (batch) => (gathering ? gather(batch, gathering) : changeHeld(batch)),
    get held() {
      return held;
    },
    get session() {
      return (gathering?.state ?? held).session;
    },
  };
}
