import { namedMember, type XdsKind } from '@flotilla/pilot-xds';
import type { Engine, Piece, Subject, Watch } from '@flotilla/query';

/** Resources of one type. */
export interface NamesOfKind {
  readonly kind: XdsKind;
  readonly names: Iterable<string>;
}

/**
 * Prepares the answers to names before they are given. If one piece is not enough, the names are watched until the
 * answers are given, so that no eviction in between discards what a piece has computed.
 */
export class PreparedNames {
  readonly #engine: Engine;
  /** By type, then by the name of the resource. */
  readonly #watches = new Map<XdsKind, Map<string, Watch>>();

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** Whether the answer was complete when a piece ended, and is kept. */
  has(kind: XdsKind, name: string): boolean {
    return this.#watches.get(kind)?.has(name) ?? false;
  }

  /** Computes a piece of the answers. Returns whether they are complete, which then holds until this turn ends. */
  prepare({ kind, names }: NamesOfKind, piece: Piece): boolean {
    const done: string[] = [];
    for (const name of names) {
      if (this.has(kind, name)) continue;
      const { query, key } = namedMember({ kind, name });
      if (this.#engine.prepare(query, key, piece)) done.push(name);
      else {
        for (const each of done) this.#watch({ kind, name: each }, piece.subject);
        return false;
      }
    }
    return true;
  }

  #watch(resource: { readonly kind: XdsKind; readonly name: string }, subject: Subject): void {
    const { kind, name } = resource;
    const { query, key } = namedMember(resource);
    let byName = this.#watches.get(kind);
    if (!byName) this.#watches.set(kind, (byName = new Map()));
    byName.set(name, this.#engine.watch(query, key, subject));
  }

  /** To be called when the answers have been given, or are no longer wanted. */
  release(): void {
    if (this.#watches.size === 0) return;
    for (const byName of this.#watches.values()) for (const watch of byName.values()) this.#engine.unwatch(watch);
    this.#watches.clear();
  }
}
