import { shareOf } from '@flotilla/std';

/** A name in one version. */
interface Held {
  readonly name: string;
  readonly version: string;
}

const shares = new WeakMap<Held, bigint>();
/** The share in the version of all: made once for all streams that are sent a resource. */
function share(held: Held): bigint {
  const known = shares.get(held) ?? shareOf(`${held.name}\0${held.version}`);
  shares.set(held, known);
  return known;
}

export const sumOf = (resources: Iterable<Held>): bigint => {
  let sum = 0n;
  for (const held of resources) sum += share(held);
  return sum;
};

/**
 * Which version of each name a client holds, and the sum of their shares, which makes the version of it all. A change
 * costs what changes.
 */
export class Versions {
  readonly #held = new Map<string, Held>();
  #sum = 0n;

  /** Starts with what a client says that it holds. */
  constructor(held: Iterable<readonly [string, string]> = []) {
    for (const [name, version] of held) this.put({ name, version });
  }

  get sum(): bigint {
    return this.#sum;
  }

  get size(): number {
    return this.#held.size;
  }

  get(name: string): string | undefined {
    return this.#held.get(name)?.version;
  }

  names(): Iterable<string> {
    return this.#held.keys();
  }

  put(resource: Held): void {
    const old = this.#held.get(resource.name);
    if (old?.version === resource.version) return;
    this.#sum += share(resource) - (old === undefined ? 0n : share(old));
    this.#held.set(resource.name, resource);
  }

  delete(name: string): void {
    const old = this.#held.get(name);
    if (old === undefined) return;
    this.#sum -= share(old);
    this.#held.delete(name);
  }

  /** Forgets what is not wanted. */
  keep(isWanted: (name: string) => boolean): void {
    for (const name of this.#held.keys()) if (!isWanted(name)) this.delete(name);
  }
}
