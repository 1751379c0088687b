import { keyOf, type Batch, type Collection, type ObjectKey } from '@flotilla/model';
import type { Subscriber } from './port.ts';

/**
 * A subscriber whose reader may fail and subscribe again, keeping what it has: the batch that completes the new
 * subscription also deletes what the earlier ones gave and this one did not. For one reader.
 */
export function createResumableSubscriber(subscriber: Subscriber): Subscriber {
  const given = new Map<Collection, Set<ObjectKey>>();
  const keysOf = (collection: Collection): Set<ObjectKey> => {
    const keys = given.get(collection) ?? new Set();
    given.set(collection, keys);
    return keys;
  };
  return {
    async *subscribe(collections, signal) {
      const unconfirmed = new Map(collections.map((collection) => [collection, new Set(given.get(collection))]));
      for await (const batch of subscriber.subscribe(collections, signal)) {
        for (const { collection, key } of batch.delete) {
          keysOf(collection).delete(key);
          unconfirmed.get(collection)?.delete(key);
        }
        for (const { resource } of batch.put) {
          const key = keyOf(resource.meta);
          keysOf(resource.collection).add(key);
          unconfirmed.get(resource.collection)?.delete(key);
        }
        yield withDeletes(batch, unconfirmed);
      }
    },
  };

  /** Adds what is left unconfirmed of the collections that a batch completes. */
  function withDeletes(batch: Batch, unconfirmed: Map<Collection, Set<ObjectKey>>): Batch {
    const missing = batch.complete.flatMap((collection) => {
      const keys = [...(unconfirmed.get(collection) ?? [])];
      unconfirmed.delete(collection);
      for (const key of keys) keysOf(collection).delete(key);
      return keys.map((key) => ({ collection, key }));
    });
    return missing.length === 0 ? batch : { ...batch, delete: [...batch.delete, ...missing] };
  }
}
