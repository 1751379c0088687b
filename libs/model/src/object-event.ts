import type { Origin } from './origin.ts';
import type { Problem } from './problem.ts';
import type { ObjectKey } from './object-key.ts';
import type { Collection } from './resource.ts';

/** Which object it is, over all clusters and kinds; `cluster` is where it was found. */
export interface ObjectId {
  readonly cluster: string;
  readonly collection: Collection;
  readonly key: ObjectKey;
}
/** One kind of objects in one cluster. */
export type Scope = Omit<ObjectId, 'key'>;

/** An object as it is now. */
export interface ObjectFound extends ObjectId {
  readonly type: 'object';
  /** As Kubernetes has it, with apiVersion, kind and metadata; of `mesh-config` and `mesh-networks` the value alone. */
  readonly object: unknown;
  readonly origin: Origin;
  /**
   * Of a source that can hold the same object several times, such as files: which of them this is. The first place in
   * the order of these texts comes first. Absent where each object is there once.
   */
  readonly place?: string;
  /** What is wrong with how it is written, though it can be read. */
  readonly problems?: readonly Problem[];
}
/** An object may be there still, but can't be read: its last version stays. */
export interface ObjectKept extends ObjectId {
  readonly type: 'kept';
  readonly place?: string;
}
/** An object is not in this place any more. */
export interface ObjectGone extends ObjectId {
  readonly type: 'gone';
  readonly place?: string;
}
/**
 * What a source reports. A run of a source begins with the whole state of each of its scopes: objects, then `synced`.
 * What that does not contain is gone.
 */
export type SourceEvent =
  | ObjectFound
  | ObjectKept
  | ObjectGone
  /** The state of this scope is whole. A kind that a cluster doesn't have is synced at once, and empty. */
  | ({ readonly type: 'synced' } & Scope)
  /** The whole state of this scope follows once more, up to `synced`; what it does not contain is gone then. */
  | ({ readonly type: 'relist' } & Scope)
  /** Everything that is wrong now at a place (a file) which can't be said of an object; none when it is put right. */
  | { readonly type: 'problems'; readonly place: string; readonly problems: readonly LocatedProblem[] }
  /** The source can't be reached; its last state stays in force. `since` is when it last could, in epoch ms. */
  | { readonly type: 'away'; readonly since: number; readonly reason: string }
  /** The source can be reached again. */
  | { readonly type: 'back' };

/** A problem and where it is. */
export interface LocatedProblem {
  readonly problem: Problem;
  readonly origin: Origin;
}

/** What one cause changed: a file that was written, an object that was updated. Seen whole or not at all. */
export interface SourceChange {
  /** Names the cause to a person, such as the path of a file. */
  readonly cause: string;
  /** Epoch milliseconds. */
  readonly readAt: number;
  readonly events: readonly SourceEvent[];
}
