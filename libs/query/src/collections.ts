import type { Cell } from './cell.ts';
import type { StoreKey } from './key.ts';
import { Collection, type CollectionIndexes } from './collection.ts';

/** All collections of a store, by name. */
export class Collections {
  readonly #byName: ReadonlyMap<string, Collection>;

  constructor(byName: ReadonlyMap<string, Collection>) {
    this.#byName = byName;
  }

  /** Throws for a name that does not exist. */
  get(name: string): Collection {
    const found = this.#byName.get(name);
    if (!found) throw new Error(`unknown collection ${name}`);
    return found;
  }

  /** What a cell holds now. */
  read(cell: Cell): unknown {
    const collection = this.get(cell.collection);
    switch (cell.kind) {
      case 'value':
        return collection.get(cell.key);
      case 'list':
        return collection.keys();
      case 'emptiness':
        return collection.isEmpty;
      case 'index':
        return collection.filedUnder(cell.index, cell.key);
    }
  }

  /** The same values; what is written to the fork is not seen here. Costs nothing per value. */
  fork(): Collections {
    return new Collections(new Map([...this.#byName].map(([name, collection]) => [name, collection.fork()])));
  }

  /** The same collections without values. */
  empty(): Readonly<Record<string, CollectionIndexes>> {
    return Object.fromEntries([...this.#byName].map(([name, { indexes }]) => [name, indexes]));
  }

  *values(): Iterable<{ readonly collection: string; readonly key: StoreKey; readonly value: unknown }> {
    for (const [name, collection] of this.#byName)
      for (const key of collection.keys()) yield { collection: name, key, value: collection.get(key) };
  }
}
