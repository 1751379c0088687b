import { collections, type Collection } from '@flotilla/model';

/**
 * When pilot may serve: once every collection is complete, and after that once the first key sets are in force or have
 * failed. Without them, proxies that already have keys would lose these.
 */
export class StartGate {
  readonly #incomplete = new Set<Collection>(collections);
  readonly #ready = Promise.withResolvers<null>();
  #isServing = false;

  /** Resolves when pilot serves. */
  get ready(): Promise<null> {
    return this.#ready.promise;
  }

  /** These collections are complete. */
  complete(names: readonly Collection[]): void {
    for (const name of names) this.#incomplete.delete(name);
  }

  /** A batch has been settled. `keySets` is called once every collection is complete. */
  async settled(keySets: () => Promise<void>): Promise<void> {
    if (this.#incomplete.size > 0 || this.#isServing) return;
    await keySets();
    this.#isServing = true;
    this.#ready.resolve(null);
  }

  /** Throws an error that names what is missing, unless pilot may serve. */
  check(): void {
    if (this.#isServing) return;
    const missing = this.#incomplete.size > 0 ? [...this.#incomplete].join(', ') : 'key sets';
    throw new Error(`configuration is not complete yet (${missing}); try again`);
  }
}
