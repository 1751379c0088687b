import { shareOf } from '@flotilla/std';

/** Over a large map so many changes are kept apart before they are merged into it. */
const maxShareOver = 8;

/** A name in one version. */
interface Held { readonly name: string; readonly version: string }

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
 * Which version of each name a client holds, and the sum of their shares, which makes the version of it all. It never changes: what differs gives another, at the cost
 * of what differs.
 */
export class Versions {
  static readonly none = new Versions(new Map(), new Map(), 0n);

  readonly sum: bigint;
  readonly #base: ReadonlyMap<string, Held>;
  /** Goes before the base; undefined for what is gone. */
  readonly #over: ReadonlyMap<string, Held | undefined>;

  private constructor(base: ReadonlyMap<string, Held>, over: ReadonlyMap<string, Held | undefined>, sum: bigint) {
    this.#base = base;
    this.#over = over;
    this.sum = sum;
  }

  /** What a client says that it holds. */
  static of(entries: Iterable<readonly [string, string]>): Versions {
    const base = new Map([...entries].map(([name, version]) => [name, { name, version }]));
    return new Versions(base, new Map(), sumOf(base.values()));
  }

  get(name: string): string | undefined {
    return (this.#over.has(name) ? this.#over.get(name) : this.#base.get(name))?.version;
  }

  names(): string[] {
    return [...this.#all()].map(({ name }) => name);
  }

  * #all(): Iterable<Held> {
    for (const held of this.#base.values()) if (!this.#over.has(held.name)) yield held;
    for (const held of this.#over.values()) if (held) yield held;
  }

  /** After a response: with these resources, without these names. */
  with(resources: Iterable<Held>, gone: Iterable<string> = []): Versions {
    const over = new Map(this.#over);
    const held = (name: string): Held | undefined => (over.has(name) ? over.get(name) : this.#base.get(name));
    let { sum } = this;
    for (const name of gone) {
      const old = held(name);
      if (old === undefined) continue;
      sum -= share(old);
      over.set(name, undefined);
    }
    for (const resource of resources) {
      const old = held(resource.name);
      if (old?.version === resource.version) continue;
      sum += share(resource) - (old === undefined ? 0n : share(old));
      over.set(resource.name, resource);
    }
    if (over.size * maxShareOver <= this.#base.size) return new Versions(this.#base, over, sum);
    const merged = new Map(this.#base);
    for (const [name, one] of over) {
      if (one) merged.set(name, one);
      else merged.delete(name);
    }
    return new Versions(merged, new Map(), sum);
  }

  /** What of it is wanted. */
  keep(isWanted: (name: string) => boolean): Versions {
    return this.with([], this.names().filter((name) => !isWanted(name)));
  }
}
