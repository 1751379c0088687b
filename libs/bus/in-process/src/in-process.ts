import type { Batch, Bus, Delete, Put, TraceParent } from '@flotilla/bus-port';
import { keyOf, type AnyResource, type Collection } from '@flotilla/model';
import { AsyncQueue } from '@flotilla/std';

/** A key over all collections. */
const idOf = (collection: Collection, key: string): string => `${collection}\0${key}`;

/** What one subscriber hasn't taken yet: the latest value of each key, so that a slow one costs no more than the state itself. */
interface Pending { session: string; seq: number; readonly puts: Map<string, Put>; readonly deletes: Map<string, Delete>; readonly complete: Set<Collection>; readonly coalesced: Set<TraceParent> }
const nothing = (): Pending => ({ session: '', seq: 0, puts: new Map(), deletes: new Map(), complete: new Set(), coalesced: new Set() });
const maxTraces = 100;

function add(pending: Pending, batch: Batch, wanted: ReadonlySet<Collection>): void {
  pending.session = batch.session;
  pending.seq = batch.seq;
  const replace = (id: string): void => {
    const trace = pending.puts.get(id)?.trace ?? pending.deletes.get(id)?.trace;
    if (trace && pending.coalesced.size < maxTraces) pending.coalesced.add(trace);
    pending.puts.delete(id);
    pending.deletes.delete(id);
  };
  for (const put of batch.put) {
    const id = idOf(put.resource.collection, keyOf(put.resource.meta));
    if (!wanted.has(put.resource.collection)) continue;
    replace(id);
    pending.puts.set(id, put);
  }
  for (const deleted of batch.delete) {
    if (!wanted.has(deleted.collection)) continue;
    replace(idOf(deleted.collection, deleted.key));
    pending.deletes.set(idOf(deleted.collection, deleted.key), deleted);
  }
  for (const collection of batch.complete) if (wanted.has(collection)) pending.complete.add(collection);
}

const isEmpty = ({ puts, deletes, complete }: Pending): boolean => puts.size === 0 && deletes.size === 0 && complete.size === 0;

/** The bus within one process. Values are encoded and decoded, so that nobody shares an object with the publisher. */
export function createInProcessBus(): Bus {
  const state = new Map<string, { readonly text: string; readonly collection: Collection; readonly key: string; confirmed: string; trace?: TraceParent }>();
  const complete = new Set<Collection>();
  const subscribers = new Set<{ readonly wanted: ReadonlySet<Collection>; pending: Pending; readonly wake: AsyncQueue<null> }>();
  let session = '';
  let seq = 0;

  /** Takes a batch into the state; returns what of it is new. */
  function take(batch: Batch): Batch {
    if (batch.session !== session) complete.clear();
    session = batch.session;
    seq = batch.seq;
    const put = batch.put.flatMap(({ resource, trace }): Put[] => {
      const text = JSON.stringify(resource);
      const key = keyOf(resource.meta);
      const known = state.get(idOf(resource.collection, key));
      state.set(idOf(resource.collection, key), { text, collection: resource.collection, key, confirmed: session, ...(trace ? { trace } : {}) });
      return known?.text === text ? [] : [{ resource: JSON.parse(text) as AnyResource, ...(trace ? { trace } : {}) }];
    });
    const deleted = batch.delete.filter(({ collection, key }) => state.delete(idOf(collection, key)));
    // What a new session does not confirm is gone when it says that it is complete.
    const stale = [...state.values()].filter(({ collection, confirmed }) => batch.complete.includes(collection) && confirmed !== session);
    for (const { collection, key } of stale) state.delete(idOf(collection, key));
    for (const collection of batch.complete) complete.add(collection);
    return { ...batch, put, delete: [...deleted, ...stale.map(({ collection, key }) => ({ collection, key }))] };
  }

  return {
    publish: (batch) => {
      const fresh = take(batch);
      for (const subscriber of subscribers) {
        const wasEmpty = isEmpty(subscriber.pending);
        add(subscriber.pending, fresh, subscriber.wanted);
        if (wasEmpty && !isEmpty(subscriber.pending)) subscriber.wake.push(null);
      }
      return Promise.resolve();
    },

    async *subscribe(collections, signal) {
      const wanted = new Set(collections);
      const subscriber = { wanted, pending: nothing(), wake: new AsyncQueue<null>() };
      const whole: Batch = {
        session, seq, delete: [], complete: [...complete],
        put: [...state.values()].map(({ text, trace }) => ({ resource: JSON.parse(text) as AnyResource, ...(trace ? { trace } : {}) })),
      };
      add(subscriber.pending, whole, wanted);
      if (!isEmpty(subscriber.pending)) subscriber.wake.push(null);
      subscribers.add(subscriber);
      const stop = (): void => subscriber.wake.close();
      signal.addEventListener('abort', stop, { once: true });
      if (signal.aborted) stop();
      try {
        for await (const _ of subscriber.wake) {
          const { puts, deletes, complete: done, coalesced, ...of } = subscriber.pending;
          subscriber.pending = nothing();
          yield { ...of, put: [...puts.values()], delete: [...deletes.values()], complete: [...done], ...(coalesced.size > 0 ? { coalesced: [...coalesced] } : {}) };
        }
      } finally {
        signal.removeEventListener('abort', stop);
        subscribers.delete(subscriber);
      }
    },

    close: () => {
      for (const { wake } of subscribers) wake.close();
      return Promise.resolve();
    },
  };
}
