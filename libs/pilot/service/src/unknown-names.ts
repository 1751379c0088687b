import type { ResourceKey } from '@flotilla/pilot-xds';

/** Names that a proxy has requested though there was nothing by them. Only so many of them are watched. */
export class UnknownNames {
  readonly #max: number;
  readonly #watched = new Set<ResourceKey>();
  readonly #unwatched = new Set<ResourceKey>();

  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#watched.size + this.#unwatched.size;
  }

  /** `isFirst`: the first that is not watched since there was none. */
  add(key: ResourceKey): { readonly isWatched: boolean; readonly isFirst: boolean } {
    if (this.#watched.has(key) || this.#watched.size < this.#max) {
      this.#watched.add(key);
      return { isWatched: true, isFirst: false };
    }
    const isFirst = this.#unwatched.size === 0;
    this.#unwatched.add(key);
    return { isWatched: false, isFirst };
  }

  has(key: ResourceKey): boolean {
    return this.#watched.has(key) || this.#unwatched.has(key);
  }

  /** Which it was; undefined for neither. */
  delete(key: ResourceKey): 'watched' | 'unwatched' | undefined {
    if (this.#watched.delete(key)) return 'watched';
    return this.#unwatched.delete(key) ? 'unwatched' : undefined;
  }
}
