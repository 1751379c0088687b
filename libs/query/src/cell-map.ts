import type { Cell } from './cell.ts';
import type { StoreKey } from './key.ts';

/** Something for each cell of a store, found by the parts of the cell. */
export class CellMap<T> {
  readonly #values = new Map<string, Map<StoreKey, T>>();
  readonly #lists = new Map<string, T>();
  readonly #emptiness = new Map<string, T>();
  readonly #indexes = new Map<string, Map<string, Map<StoreKey, T>>>();

  get(cell: Cell): T | undefined {
    switch (cell.kind) {
      case 'value':
        return this.#values.get(cell.collection)?.get(cell.key);
      case 'list':
        return this.#lists.get(cell.collection);
      case 'emptiness':
        return this.#emptiness.get(cell.collection);
      case 'index':
        return this.#indexes.get(cell.collection)?.get(cell.index)?.get(cell.key);
    }
  }

  set(cell: Cell, item: T): void {
    switch (cell.kind) {
      case 'value':
        inner(this.#values, cell.collection).set(cell.key, item);
        return;
      case 'list':
        this.#lists.set(cell.collection, item);
        return;
      case 'emptiness':
        this.#emptiness.set(cell.collection, item);
        return;
      case 'index':
        inner(inner(this.#indexes, cell.collection), cell.index).set(cell.key, item);
    }
  }

  delete(cell: Cell): void {
    switch (cell.kind) {
      case 'value':
        this.#values.get(cell.collection)?.delete(cell.key);
        return;
      case 'list':
        this.#lists.delete(cell.collection);
        return;
      case 'emptiness':
        this.#emptiness.delete(cell.collection);
        return;
      case 'index':
        this.#indexes.get(cell.collection)?.get(cell.index)?.delete(cell.key);
    }
  }

  *values(): Iterable<T> {
    for (const items of this.#values.values()) yield* items.values();
    yield* this.#lists.values();
    yield* this.#emptiness.values();
    for (const indexes of this.#indexes.values()) for (const items of indexes.values()) yield* items.values();
  }
}

function inner<K, L, V>(maps: Map<K, Map<L, V>>, key: K): Map<L, V> {
  const known = maps.get(key) ?? new Map<L, V>();
  maps.set(key, known);
  return known;
}
