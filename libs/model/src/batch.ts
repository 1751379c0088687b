import type { ObjectKey } from './object-key.ts';
import type { AnyResource, Collection } from './resource.ts';

/** A W3C traceparent: which change caused this. */
export type TraceParent = string;

/** One resource's new value. */
export interface Put {
  readonly resource: AnyResource;
  readonly trace?: TraceParent;
  /** What distinguishes this value from others of the object: see versionOf. The bus adds it. */
  readonly version?: string;
}
/** One resource is gone. */
export interface Delete {
  readonly collection: Collection;
  readonly key: ObjectKey;
  readonly trace?: TraceParent;
}

/** A version of what batches look like. */
export interface BatchFormat {
  /** Readers of another major do not understand the batch. */
  readonly major: number;
  /** A higher minor adds what readers may ignore. */
  readonly minor: number;
}
/** Who wrote a batch. */
export interface BatchWriter {
  readonly format: BatchFormat;
  /** All collections that the writer knows. It never has anything in another one, so that one is complete. */
  readonly collections: readonly string[];
}

/**
 * Everything one cause changed, seen whole or not at all. `session` names one run of the publisher, `seq` counts up in
 * it. `complete` lists the collections whose whole state this session has now published: never inferred from the
 * transport.
 */
export interface Batch {
  readonly session: string;
  readonly seq: number;
  readonly put: readonly Put[];
  readonly delete: readonly Delete[];
  readonly complete: readonly Collection[];
  /** Traces of changes that were coalesced into a later value of the same key. */
  readonly coalesced?: readonly TraceParent[];
  /** Absent: this version of galley. */
  readonly writer?: BatchWriter;
}
