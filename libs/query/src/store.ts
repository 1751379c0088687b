import { compareText, deepEqual } from '@flotilla/std';
import { InputNode } from './node.ts';

/** One value's change; without `value` it is gone. */
export interface Change {
  readonly collection: string;
  readonly key: string;
  readonly value?: unknown;
}
/** Functions from a value to the keys it is filed under, by index name. */
export type CollectionIndexes = Readonly<Record<string, (value: never) => Iterable<string>>>;

/** An index function threw: the value is in force, but this index does not file it. */
export interface IndexFailure {
  readonly collection: string;
  readonly key: string;
  readonly index: string;
  readonly error: unknown;
}

/**
 * Hears which keys of a collection are read. Called while queries run: it must not ask for results or apply changes.
 */
export interface Demand {
  /** Some result reads this key, and none did before. */
  read(key: string): void;
  /** No result reads it any more. */
  left(key: string): void;
}

const valueId = (collection: string, key: string): string => `${collection}\0=${key}`;

interface Index {
  readonly keysOf: (value: unknown) => Iterable<string>;
  readonly filed: Map<string, Set<string>>;
}
interface Collection {
  demand?: Demand;
  readonly values: Map<string, unknown>;
  readonly indexes: Map<string, Index>;
}

/**
 * The input of all queries: collections of values by key, with indexes. Each cell that was read is a node of the
 * dependency graph.
 */
export class Store {
  readonly #collections = new Map<string, Collection>();
  readonly #nodes = new Map<string, InputNode>();
  #applying: { readonly collection: string; readonly key: string } | undefined;

  /** Hears of each value that an index function throws for. */
  onIndexFailure: (failure: IndexFailure) => void = () => {};

  constructor(collections: Readonly<Record<string, CollectionIndexes>>) {
    for (const [name, indexes] of Object.entries(collections)) {
      const entries = Object.entries(indexes).map(
        ([index, keysOf]) =>
          [
            index,
            { keysOf: keysOf as (value: unknown) => Iterable<string>, filed: new Map<string, Set<string>>() },
          ] as const,
      );
      this.#collections.set(name, { values: new Map(), indexes: new Map(entries) });
    }
  }

  /**
   * From now on the collection holds values of keys that some result reads, and no others: a value for any other is
   * ignored, and goes with its last reader.
   */
  onDemand(collection: string, demand: Demand): void {
    this.#collection(collection).demand = demand;
  }

  /** What is being filed at the moment. */
  get applying(): { readonly collection: string; readonly key: string } | undefined {
    return this.#applying;
  }

  get(collection: string, key: string): unknown {
    return this.#collection(collection).values.get(key);
  }

  keys(collection: string): readonly string[] {
    return [...this.#collection(collection).values.keys()].sort(compareText);
  }

  /** A store of its own with the same values: what changes here is not seen there. */
  fork(): Store {
    const fork = new Store(
      Object.fromEntries(
        [...this.#collections].map(([name, { indexes }]) => [
          name,
          Object.fromEntries(
            [...indexes].map(([index, { keysOf }]) => [index, keysOf as (value: never) => Iterable<string>]),
          ),
        ]),
      ),
    );
    fork.apply(
      [...this.#collections].flatMap(([collection, { values }]) =>
        [...values].map(([key, value]) => ({ collection, key, value })),
      ),
    );
    return fork;
  }

  /**
   * Applies changes as one step and returns the nodes whose value differs now. A value equal to the old one changes
   * nothing.
   */
  apply(changes: Iterable<Change>): InputNode[] {
    const touched = new Set<string>();
    for (const change of changes) {
      this.#applying = change;
      const { collection, key, value } = change;
      const { values, indexes, demand } = this.#collection(collection);
      if (demand && value !== undefined && !this.#nodes.has(valueId(collection, key))) continue;
      const old = values.get(key);
      if (deepEqual(old, value)) continue;
      if (value === undefined) values.delete(key);
      else values.set(key, value);
      touched.add(valueId(collection, key));
      if (old === undefined || value === undefined) touched.add(`${collection}\0*`);
      for (const [name, index] of indexes) {
        const before = filedUnder(index, old, () => {});
        const after = filedUnder(index, value, (error) => this.onIndexFailure({ collection, key, index: name, error }));
        for (const at of before) {
          if (after.has(at)) continue;
          const filed = index.filed.get(at);
          filed?.delete(key);
          if (filed?.size === 0) index.filed.delete(at);
          touched.add(`${collection}\0#${name}\0${at}`);
        }
        for (const at of after) {
          if (before.has(at)) continue;
          const filed = index.filed.get(at);
          if (filed) filed.add(key);
          else index.filed.set(at, new Set([key]));
          touched.add(`${collection}\0#${name}\0${at}`);
        }
      }
    }
    this.#applying = undefined;
    const changed: InputNode[] = [];
    for (const id of touched) {
      const node = this.#nodes.get(id);
      if (node?.refresh()) changed.push(node);
    }
    return changed;
  }

  valueNode(collection: string, key: string): InputNode {
    const { values, demand } = this.#collection(collection);
    const id = valueId(collection, key);
    const isNew = demand !== undefined && !this.#nodes.has(id);
    const node = this.#node(id, () => values.get(key));
    if (!isNew) return node;
    node.onForgotten = () => {
      this.apply([{ collection, key }]);
      demand.left(key);
    };
    demand.read(key);
    return node;
  }

  listNode(collection: string): InputNode {
    return this.#node(`${collection}\0*`, () => this.keys(collection));
  }

  indexNode(collection: string, index: string, key: string): InputNode {
    const found = this.#collection(collection).indexes.get(index);
    if (!found) throw new Error(`collection ${collection} has no index ${index}`);
    return this.#node(`${collection}\0#${index}\0${key}`, () => [...(found.filed.get(key) ?? [])].sort(compareText));
  }

  /** Lets a node go that nobody depends on any more. */
  forget(node: InputNode): void {
    this.#nodes.delete(node.id);
    node.onForgotten?.();
  }

  #node(id: string, read: () => unknown): InputNode {
    const known = this.#nodes.get(id);
    if (known) return known;
    const node = new InputNode(id, read);
    this.#nodes.set(id, node);
    return node;
  }

  #collection(name: string): Collection {
    const found = this.#collections.get(name);
    if (!found) throw new Error(`unknown collection ${name}`);
    return found;
  }
}

/**
 * The keys that an index files a value under; none where its function throws, so that one odd value costs itself alone.
 */
function filedUnder({ keysOf }: Index, value: unknown, onFailure: (error: unknown) => void): ReadonlySet<string> {
  if (value === undefined) return new Set();
  try {
    return new Set(keysOf(value));
  } catch (error) {
    onFailure(error);
    return new Set();
  }
}
