import type { Scope, SourceChange } from '@flotilla/model';

/**
 * Where galley takes objects from: files, a cluster, another control plane. One contract holds for all of them
 * (`describeSource` of `@flotilla/testing`).
 */
export interface Source {
  /** Unique among the sources of a galley; shown to people. */
  readonly name: string;
  /** Of which it will say `synced`. Kinds that a cluster doesn't have are among them, and empty. */
  readonly scopes: readonly Scope[];
  /**
   * First the whole state of each scope, then changes, each list what was there when it was taken. Nothing is read
   * ahead of its reader, and what changed meanwhile comes as what differs. A source that can't be reached says so
   * (`away`) and goes on trying; after that it gives what differs, or a scope once more (`relist`). Ends when the
   * signal aborts. Throws what can't be repaired by trying again in the same run; it may be run again then.
   */
  run(signal: AbortSignal): AsyncIterable<readonly SourceChange[]>;
}
