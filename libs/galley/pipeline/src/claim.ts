import {
  versionOf,
  type AnyResource,
  type Installation,
  type ObjectFound,
  type ObjectId,
  type Origin,
  type Problem,
} from '@flotilla/model';
import { textOfId } from './object-id.ts';
import { hashOf, hashOfRead } from './read-hash.ts';
import { readObject, type ReadingObject } from './read-object.ts';

/** A version of an object that is good. */
export interface Version {
  readonly resource: AnyResource;
  readonly origin: Origin;
}

/** How the objects of claims are read. */
export interface ClaimOptions {
  readonly reading: ReadingObject;
  readonly installation: Installation;
}

/** An object in one place of one source: its last version, and the last good one. */
export class Claim {
  readonly id: ObjectId;
  readonly source: string;
  readonly place: string;
  /** Of the source, 0 first. */
  readonly rank: number;
  origin: Origin;
  problems: readonly Problem[] = [];
  good: Version | undefined;
  #hash = '';
  #isGood = false;
  #generation: string | undefined;

  constructor({
    source,
    rank,
    found,
  }: {
    readonly source: string;
    readonly rank: number;
    readonly found: ObjectFound;
  }) {
    this.id = { cluster: found.cluster, collection: found.collection, key: found.key };
    this.source = source;
    this.rank = rank;
    this.place = found.place ?? '';
    this.origin = found.origin;
  }

  /** Takes the object as it is now. One with the same content is not read again. */
  take(found: ObjectFound, name: string, { reading, installation }: ClaimOptions): void {
    const hash = hashOf(found.object);
    this.origin = found.origin;
    if (hash === '' || hash !== this.#hash) {
      const { resource, problems } = reading({ name, hash: hashOfRead(found.object) }, () =>
        readObject(this.id, found.object, installation),
      );
      [this.#hash, this.#isGood] = [hash, resource !== undefined];
      this.problems = [...(found.problems ?? []), ...problems];
      this.#generation = generationIn(found.object) ?? (resource ? undefined : hash);
      if (resource) this.good = { resource, origin: found.origin };
    } else if (this.good && this.#isGood) this.good = { ...this.good, origin: found.origin };
  }

  /** Whether its last version is the good one. */
  get isGood(): boolean {
    return this.#isGood;
  }

  /** Which version its last one is: `metadata.generation`, or a hash of the content. */
  get generation(): string {
    return this.#generation ?? (this.good ? versionOf(this.good.resource) : this.#hash);
  }
}

function generationIn(object: unknown): string | undefined {
  const { metadata } = (object ?? {}) as { readonly metadata?: { readonly generation?: unknown } | null };
  return typeof metadata?.generation === 'number' ? String(metadata.generation) : undefined;
}

/** The claims of each object: by the rank of their source, then by their place. The first good one is in force. */
export class RankedClaims {
  readonly #byId = new Map<string, Claim[]>();

  /** In their order; empty when there are none. */
  get(id: string): readonly Claim[] {
    return this.#byId.get(id) ?? [];
  }

  entries(): IterableIterator<[id: string, claims: readonly Claim[]]> {
    return this.#byId.entries();
  }

  find(id: string, { rank, place }: Pick<Claim, 'rank' | 'place'>): Claim | undefined {
    const claims = this.get(id);
    const found = claims[placeOf(claims, { rank, place })];
    return found?.rank === rank && found.place === place ? found : undefined;
  }

  /** The one that is not there yet. Takes time logarithmic in the number of claims of the same object. */
  add(claim: Claim): void {
    const id = textOfId(claim.id);
    const claims = this.#byId.get(id);
    if (claims) claims.splice(placeOf(claims, claim), 0, claim);
    else this.#byId.set(id, [claim]);
  }

  delete(claim: Claim): void {
    const id = textOfId(claim.id);
    const claims = this.#byId.get(id) ?? [];
    const place = placeOf(claims, claim);
    if (claims[place] === claim) claims.splice(place, 1);
    if (claims.length === 0) this.#byId.delete(id);
  }

  /** What is in force of an object. */
  inForce(id: string): Claim | undefined {
    return this.get(id).find(({ good }) => good);
  }
}

/** Where a claim is in a sorted list, or belongs. */
function placeOf(sorted: readonly Claim[], { rank, place }: Pick<Claim, 'rank' | 'place'>): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const other = sorted[middle];
    if (other && (other.rank < rank || (other.rank === rank && other.place < place))) low = middle + 1;
    else high = middle;
  }
  return low;
}
