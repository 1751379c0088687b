import { deepEqual } from '@flotilla/std';
import type { Cell } from './cell.ts';
import { compareKeys, type StoreKey } from './key.ts';
import { Layer } from './layer.ts';

/** Functions from a value to the keys it is filed under, by index name. */
export type CollectionIndexes = Readonly<Record<string, (value: never) => Iterable<StoreKey>>>;

interface Index {
  readonly keysOf: (value: unknown) => Iterable<StoreKey>;
  readonly filed: Layer<Set<StoreKey>>;
}

export interface Write {
  readonly key: StoreKey;
  /** Undefined: the value is gone. */
  readonly value: unknown;
  touched(cell: Cell): void;
  /** An index function threw: the index does not file the value. */
  failed(index: string, error: unknown): void;
}

/** The values of one kind by key, with indexes over them. */
export class Collection {
  readonly #name: string;
  readonly #values: Layer<unknown>;
  readonly #indexes: ReadonlyMap<string, Index>;

  private constructor(name: string, values: Layer<unknown>, indexes: ReadonlyMap<string, Index>) {
    this.#name = name;
    this.#values = values;
    this.#indexes = indexes;
  }

  static create(name: string, indexes: CollectionIndexes): Collection {
    const entries = Object.entries(indexes).map(
      ([index, keysOf]) => [index, { keysOf: keysOf as Index['keysOf'], filed: new Layer<Set<StoreKey>>() }] as const,
    );
    return new Collection(name, new Layer(), new Map(entries));
  }

  get indexes(): CollectionIndexes {
    return Object.fromEntries([...this.#indexes].map(([index, { keysOf }]) => [index, keysOf])) as CollectionIndexes;
  }

  /** A collection with the same values that holds only what is written to it, and leaves this one as it is. */
  fork(): Collection {
    const indexes = [...this.#indexes].map(
      ([index, { keysOf, filed }]) => [index, { keysOf, filed: new Layer(filed) }] as const,
    );
    return new Collection(this.#name, new Layer(this.#values), new Map(indexes));
  }

  get(key: StoreKey): unknown {
    return this.#values.get(key);
  }

  get isEmpty(): boolean {
    for (const _ of this.#values.keys()) return false;
    return true;
  }

  /** All keys, in order. */
  keys(): readonly StoreKey[] {
    return [...this.#values.keys()].sort(compareKeys);
  }

  /** The keys of the values that an index files under `key`, in order. Throws for an index that does not exist. */
  filedUnder(index: string, key: StoreKey): readonly StoreKey[] {
    const found = this.#indexes.get(index);
    if (!found) throw new Error(`collection ${this.#name} has no index ${index}`);
    return [...(found.filed.get(key) ?? [])].sort(compareKeys);
  }

  /** Returns whether the value is another one than before. */
  write({ key, value, touched, failed }: Write): boolean {
    const old = this.#values.get(key);
    if (deepEqual(old, value)) return false;
    const collection = this.#name;
    if (value === undefined) this.#values.delete(key);
    else this.#values.set(key, value);
    touched({ kind: 'value', collection, key });
    if (old === undefined || value === undefined) {
      touched({ kind: 'list', collection });
      touched({ kind: 'emptiness', collection });
    }
    for (const [index, { keysOf, filed }] of this.#indexes) {
      const before = keysOfValue(keysOf, old, () => {});
      const after = keysOfValue(keysOf, value, (error) => failed(index, error));
      const place = (under: StoreKey, change: (keys: Set<StoreKey>) => void): void => {
        refile(filed, under, change);
        touched({ kind: 'index', collection, index, key: under });
      };
      for (const under of before) if (!after.has(under)) place(under, (keys) => keys.delete(key));
      for (const under of after) if (!before.has(under)) place(under, (keys) => keys.add(key));
    }
    return true;
  }
}

function refile(filed: Layer<Set<StoreKey>>, under: StoreKey, change: (keys: Set<StoreKey>) => void): void {
  const known = filed.get(under);
  const keys = known && filed.holds(under) ? known : new Set(known);
  change(keys);
  if (keys.size === 0) filed.delete(under);
  else if (keys !== known) filed.set(under, keys);
}

/**
 * The keys that an index files a value under; none where its function throws, so that one odd value costs itself alone.
 */
function keysOfValue(
  keysOf: Index['keysOf'],
  value: unknown,
  onFailure: (error: unknown) => void,
): ReadonlySet<StoreKey> {
  if (value === undefined) return new Set();
  try {
    return new Set(keysOf(value));
  } catch (error) {
    onFailure(error);
    return new Set();
  }
}
