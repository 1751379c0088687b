import { namedMember, type ResourceKey } from '@flotilla/pilot-xds';
import type { Engine, Subject, Watch } from '@flotilla/query';
import { piece } from './pieces.ts';

/**
 * Prepares the answers to names before they are given. If one piece is not enough, the names are watched until the
 * answers are given, so that no eviction in between discards what a piece has computed.
 */
export class PreparedNames {
  readonly #engine: Engine;
  readonly #watches = new Map<ResourceKey, Watch>();

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** Computes a piece of the answers. Returns whether they are complete, which then holds until this turn ends. */
  prepare(keys: Iterable<ResourceKey>, subject: Subject): boolean {
    const budget = piece();
    const done: ResourceKey[] = [];
    for (const key of keys) {
      if (this.#watches.has(key)) continue;
      const { query, key: memberKey } = namedMember(key);
      if (this.#engine.prepare(query, memberKey, { subject, ...budget })) done.push(key);
      else {
        for (const each of done) this.#watches.set(each, this.#watch(each, subject));
        return false;
      }
    }
    return true;
  }

  #watch(key: ResourceKey, subject: Subject): Watch {
    const { query, key: memberKey } = namedMember(key);
    return this.#engine.watch(query, memberKey, subject);
  }

  /** To be called when the answers have been given, or are no longer wanted. */
  release(): void {
    for (const watch of this.#watches.values()) this.#engine.unwatch(watch);
    this.#watches.clear();
  }
}
