import { shareOf } from '@flotilla/std';
import type { Resource } from './types.ts';

/** Over a large map so many changes are kept apart before they are merged into it. */
const maxShareOver = 8;

const share = (name: string, version: string): bigint => shareOf(`${name}\0${version}`);

const shares = new WeakMap<Resource, bigint>();
/** A resource's share in the version of all: made once for all streams that are sent it. */
function shareOfResource(resource: Resource): bigint {
  const known = shares.get(resource) ?? share(resource.name, resource.version);
  shares.set(resource, known);
  return known;
}

export const sumOf = (resources: readonly Resource[]): bigint => resources.reduce((sum, resource) => sum + shareOfResource(resource), 0n);

/**
 * Which version of each name a client holds, and the sum of their shares, which makes the version of it all. It never changes: what differs gives another, at the cost
 * of what differs.
 */
export class Versions {
  static readonly none = new Versions(new Map(), new Map(), 0n);

  readonly sum: bigint;
  readonly #base: ReadonlyMap<string, string>;
  /** Goes before the base; undefined for what is gone. */
  readonly #over: ReadonlyMap<string, string | undefined>;

  private constructor(base: ReadonlyMap<string, string>, over: ReadonlyMap<string, string | undefined>, sum: bigint) {
    this.#base = base;
    this.#over = over;
    this.sum = sum;
  }

  /** What a client says that it holds. */
  static of(entries: Iterable<readonly [string, string]>): Versions {
    const base = new Map(entries);
    return new Versions(base, new Map(), [...base].reduce((sum, [name, version]) => sum + share(name, version), 0n));
  }

  get(name: string): string | undefined {
    return this.#over.has(name) ? this.#over.get(name) : this.#base.get(name);
  }

  * [Symbol.iterator](): Iterator<[string, string]> {
    for (const [name, version] of this.#base) if (!this.#over.has(name)) yield [name, version];
    for (const [name, version] of this.#over) if (version !== undefined) yield [name, version];
  }

  names(): string[] {
    return [...this].map(([name]) => name);
  }

  /** After a response: with these resources, without these names. */
  with(resources: Iterable<Resource>, gone: Iterable<string> = []): Versions {
    const over = new Map(this.#over);
    const held = (name: string): string | undefined => (over.has(name) ? over.get(name) : this.#base.get(name));
    let { sum } = this;
    for (const name of gone) {
      const old = held(name);
      if (old === undefined) continue;
      sum -= share(name, old);
      over.set(name, undefined);
    }
    for (const resource of resources) {
      const { name, version } = resource;
      const old = held(name);
      if (old === version) continue;
      sum += shareOfResource(resource) - (old === undefined ? 0n : share(name, old));
      over.set(name, version);
    }
    if (over.size * maxShareOver <= this.#base.size) return new Versions(this.#base, over, sum);
    return new Versions(new Map(new Versions(this.#base, over, sum)), new Map(), sum);
  }

  /** What of it is wanted. */
  keep(isWanted: (name: string) => boolean): Versions {
    return this.with([], this.names().filter((name) => !isWanted(name)));
  }
}
