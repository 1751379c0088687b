import { oneOf, type ResourceKey } from '@flotilla/pilot-xds';
import type { Engine, Subject, Watch } from '@flotilla/query';
import { piece } from './pieces.ts';

/**
 * Answers to names that are about to be given. They are watched until then, so that what a piece has computed is there
 * when the next one goes on, whatever is evicted in between.
 */
export class PreparedNames {
  readonly #engine: Engine;
  readonly #watches = new Map<ResourceKey, Watch>();

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** Does a piece of what the answers take. Returns whether they are complete. */
  prepare(keys: Iterable<ResourceKey>, subject: Subject): boolean {
    const budget = piece();
    for (const key of keys) {
      if (this.#watches.has(key)) continue;
      if (!this.#engine.prepare(oneOf, key, { subject, ...budget })) return false;
      this.#watches.set(key, this.#engine.watch(oneOf, key, subject));
    }
    return true;
  }

  /** They are given, or nobody waits for them any more. */
  release(): void {
    for (const watch of this.#watches.values()) this.#engine.unwatch(watch);
    this.#watches.clear();
  }
}
