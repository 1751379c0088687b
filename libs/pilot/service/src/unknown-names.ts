import type { ResourceKey, XdsKind } from '@flotilla/pilot-xds';

/**
 * Names that a proxy has requested and that name nothing. A limited number of them is watched, for this proxy and for
 * all of its identity; the others are only counted, and kept by the proxy's stream alone.
 */
export class UnknownNames {
  readonly #max: number;
  readonly #mayWatch: () => boolean;
  readonly #watched = new Set<ResourceKey>();
  #unwatched = 0;

  constructor(max: number, mayWatch: () => boolean) {
    this.#max = max;
    this.#mayWatch = mayWatch;
  }

  get size(): number {
    return this.#watched.size + this.#unwatched;
  }

  get watched(): number {
    return this.#watched.size;
  }

  get unwatched(): number {
    return this.#unwatched;
  }

  /** A name that is new. `isFirst`: the first that is not watched since there was none. */
  add(key: ResourceKey): { readonly isWatched: boolean; readonly isFirst: boolean } {
    if (this.#watched.size < this.#max && this.#mayWatch()) {
      this.#watched.add(key);
      return { isWatched: true, isFirst: false };
    }
    this.#unwatched += 1;
    return { isWatched: false, isFirst: this.#unwatched === 1 };
  }

  /** A name is watched as a known one from now on, or has been let go. `wasWatched`: as a known or an unknown one. */
  remove(key: ResourceKey, wasWatched: boolean): void {
    if (!this.#watched.delete(key) && !wasWatched) this.#unwatched -= 1;
  }
}

/**
 * Endpoints, and a sidecar's routes for one host, are known by the proxy's clusters: there is an answer to any name.
 * Undefined for names that are known by their answer.
 */
export function clusterOfName(kind: XdsKind, name: string, isSidecar: boolean): string | undefined {
  if (kind === 'eds') return name;
  const colon = kind === 'rds' && isSidecar ? name.lastIndexOf(':') : -1;
  return colon < 0 ? undefined : `outbound|${name.slice(colon + 1)}||${name.slice(0, colon)}`;
}
