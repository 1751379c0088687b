import type { Batch, Collection } from '@flotilla/model';

export type { Batch, Delete, Put, TraceParent } from '@flotilla/model';

export interface Publisher {
  /**
   * Publishes one batch. A put whose value equals the last published one (envelope apart) is left out; a batch left empty is not sent.
   * Resolves when the transport holds it; while the peer is away it waits and retries until `signal` aborts. Nothing is lost, nothing is sent twice.
   */
  publish(batch: Batch, signal?: AbortSignal): Promise<void>;
}

export interface Subscriber {
  /**
   * First the whole current state of the collections (in one or more batches, ended by their `complete`), then changes, coalesced to the
   * latest per key for a slow reader. On a new session of the publisher: what it does not confirm by its `complete` comes as deletes with that batch.
   * Reconnects by itself without loss or repetition; ends when `signal` aborts.
   */
  subscribe(collections: readonly Collection[], signal: AbortSignal): AsyncIterable<Batch>;
}

export interface Bus extends Publisher, Subscriber { close(): Promise<void> }
