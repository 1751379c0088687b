import type { AnyResource, Collection } from './resource.ts';

/** A W3C traceparent: which change caused this. */
export type TraceParent = string;

/** One resource's new value. */
export interface Put {
  readonly resource: AnyResource;
  readonly trace?: TraceParent;
}
/** One resource is gone. */
export interface Delete {
  readonly collection: Collection;
  readonly key: string;
  readonly trace?: TraceParent;
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
}
