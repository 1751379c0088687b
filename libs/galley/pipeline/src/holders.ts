/**
 * The files that hold each resource, by path; the first puts it in force. A change takes time proportional to the
 * logarithm of the number of files that hold the same resource, and one move of their places in memory.
 */
export class Holders {
  /** Paths in order. */
  readonly #paths = new Map<string, string[]>();

  /** In order of paths; empty when no file holds the resource. */
  of(id: string): readonly string[] {
    return this.#paths.get(id) ?? [];
  }

  /** Resources that any file holds, with its files. */
  entries(): IterableIterator<[id: string, paths: readonly string[]]> {
    return this.#paths.entries();
  }

  /** Whether a file holds a resource, from now on. */
  set(id: string, path: string, holds: boolean): void {
    const paths = this.#paths.get(id) ?? [];
    const place = placeOf(paths, path);
    const isThere = paths[place] === path;
    if (holds && !isThere) paths.splice(place, 0, path);
    else if (!holds && isThere) paths.splice(place, 1);
    if (paths.length > 0) this.#paths.set(id, paths);
    else this.#paths.delete(id);
  }
}

/** Where a path is in a sorted list, or belongs. */
function placeOf(sorted: readonly string[], path: string): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] ?? '') < path) low = middle + 1;
    else high = middle;
  }
  return low;
}
