import { namedMember, type ResourceKey } from '@flotilla/pilot-xds';
import type { Engine, Subject, Watch } from '@flotilla/query';
import { piece } from './pieces.ts';

/**
 * Answers to names that are about to be given. Where one piece is not enough for them, they are watched until then, so
 * that what it has computed is there when the next one goes on, whatever is evicted in between.
 */
export class PreparedNames {
  readonly #engine: Engine;
  readonly #watches = new Map<ResourceKey, Watch>();

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** Does a piece of what the answers take. Returns whether they are complete; then they are until this turn ends. */
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

  /** They are given, or nobody waits for them any more. */
  release(): void {
    for (const watch of this.#watches.values()) this.#engine.unwatch(watch);
    this.#watches.clear();
  }
}
