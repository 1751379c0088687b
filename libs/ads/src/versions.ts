import { shareOf } from '@flotilla/std';

/** A name in one version. */
interface Held {
  readonly name: string;
  readonly version: string;
}

/** What streams keep of a resource: no more than this, so that they don't keep the bytes that they have sent. */
interface Kept extends Held {
  /** Its part of the version of all resources together. */
  readonly share: bigint;
}

const made = new WeakMap<Held, Kept>();
/** Made once for all streams that are sent a resource. */
function keptOf(held: Held): Kept {
  const known = made.get(held);
  if (known) return known;
  const { name, version } = held;
  const kept = { name, version, share: shareOf(`${name}\0${version}`) };
  made.set(held, kept);
  return kept;
}

export const sumOf = (resources: Iterable<Held>): bigint => {
  let sum = 0n;
  for (const held of resources) sum += keptOf(held).share;
  return sum;
};

/**
 * Which version of each name a client holds, and the sum of their shares, which makes the version of it all. A change
 * costs what changes.
 */
export class Versions {
  readonly #held = new Map<string, Kept>();
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

  /** Notes a version, and returns its share. */
  put(resource: Held): bigint {
    const old = this.#held.get(resource.name);
    if (old?.version === resource.version) return old.share;
    const kept = keptOf(resource);
    this.#sum += old ? kept.share - old.share : kept.share;
    this.#held.set(kept.name, kept);
    return kept.share;
  }

  delete(name: string): void {
    const old = this.#held.get(name);
    if (old === undefined) return;
    this.#sum -= old.share;
    this.#held.delete(name);
  }

  /** Forgets what is not wanted. */
  keep(isWanted: (name: string) => boolean): void {
    for (const name of this.#held.keys()) if (!isWanted(name)) this.delete(name);
  }
}
