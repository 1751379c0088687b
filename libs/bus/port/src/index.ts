import type { AnyResource, Collection } from '@flotilla/model';

/** A W3C traceparent: which change caused this. */
export type TraceParent = string;

/** One resource's new value. */
export interface Put { readonly resource: AnyResource; readonly trace?: TraceParent }
/** One resource is gone. */
export interface Delete { readonly collection: Collection; readonly key: string; readonly trace?: TraceParent }

/**
 * Everything one cause changed, seen whole or not at all. `session` names one run of the publisher, `seq` counts up in it.
 * `complete` lists the collections whose whole state this session has now published: never inferred from the transport.
 */
export interface Batch {
  readonly session: string;
  readonly seq: number;
  readonly put: readonly Put[];
  readonly delete: readonly Delete[];
  readonly complete: readonly Collection[];
  /** Traces of changes that were coalesced into a later value of the same key. */
  readonly coalesced?: readonly TraceParent[];
}

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
