import type { Changes, Effect, Source } from '@flotilla/ads';
import type { LimitHit, Logger } from '@flotilla/observability-port';
import type { envoy } from '@flotilla/proto-gen/discovery';

export type Node = envoy.config.core.v3.INode;

/** What the service knows of one proxy; made at the first request of its stream, closed with it. */
export interface Session {
  readonly source: Source;
  /** About how many bytes of the node it keeps in memory. */
  readonly nodeBytes: number;
  /** How many of the requested names are neither known nor watched. */
  readonly unknownNames: number;
  /** How many are not known, but watched. */
  readonly watchedUnknownNames: number;
  /** How many of these names, which have not been requested yet, are certainly not known. Computes no answers. */
  countUnknown(typeUrl: string, names: Iterable<string>): number;
  /**
   * Computes a piece of an answer of this type, for these names if it is requested by name. Returns whether it is done,
   * so that answering costs little.
   */
  prepare(typeUrl: string, names: readonly string[]): boolean;
  /**
   * Called for each effect of a step in its order: for a change of the subscriptions before the responses that it
   * brings.
   */
  onEffect(effect: Effect): void;
  /** All that `push` announced until now is sent. */
  onPushed(): void;
  close(): void;
}
/** A proxy that may not have what it requests: ends its stream with PERMISSION_DENIED. */
export class PermissionDenied extends Error {}
/**
 * What may have changed for the session: by type, its names, or all. While the client reads slowly it is sent later,
 * with what comes until then.
 */
export type Push = (types: Changes) => void;
/**
 * `push` requests a push of what may have changed; `identity` is what the client's certificate proves; lines of `log`
 * name its address; `hit` counts a limit that the session keeps;
 * `mayWatchUnknown` says whether the client's streams may watch one more name that is not known.
 */
export interface Opening {
  readonly node: Node;
  readonly identity?: string;
  readonly push: Push;
  readonly log: Logger;
  readonly hit: LimitHit<'xds_unknown_names'>;
  readonly mayWatchUnknown: () => boolean;
}
/**
 * Opens a session for a node; an error's message ends the stream, with INVALID_ARGUMENT unless it is another error of
 * this file.
 */
export type OpenSession = (opening: Opening) => Session;
