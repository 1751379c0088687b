import { CellMap } from './cell-map.ts';
import { InputNode, type Cell } from './cell.ts';
import { Collection, type CollectionIndexes } from './collection.ts';
import { Collections } from './collections.ts';
import type { StoreKey } from './key.ts';
import { StoreFork } from './store-fork.ts';

/** One value's change; without `value` it is gone. */
export interface Change {
  readonly collection: string;
  readonly key: StoreKey;
  readonly value?: unknown;
}

/** An index function threw: the value is in force, but this index does not file it. */
export interface IndexFailure {
  readonly collection: string;
  readonly key: StoreKey;
  readonly index: string;
  readonly error: unknown;
}

/**
 * Hears which keys of a collection are read. Called while queries run: it must not ask for results or apply changes.
 */
export interface Demand {
  /** Some result reads this key, and none did before. */
  read(key: StoreKey): void;
  /** No result reads it any more. */
  left(key: StoreKey): void;
}

/** Where a query's reads of inputs go. */
export interface Cells {
  node(cell: Cell): InputNode;
}

/**
 * The input of all queries: collections of values by key, with indexes. Each cell that was read is a node of the
 * dependency graph.
 */
export class Store implements Cells {
  readonly #collections: Collections;
  readonly #demands = new Map<string, Demand>();
  readonly #nodes = new CellMap<InputNode>();
  #applying: { readonly collection: string; readonly key: StoreKey } | undefined;
  #revision = 0;

  /** Hears of each value that an index function throws for. */
  onIndexFailure: (failure: IndexFailure) => void = () => {};

  constructor(collections: Readonly<Record<string, CollectionIndexes>>) {
    this.#collections = new Collections(
      new Map(Object.entries(collections).map(([name, indexes]) => [name, Collection.create(name, indexes)])),
    );
  }

  /**
   * From now on the collection holds values of keys that some result reads, and no others: a value for any other is
   * ignored, and goes with its last reader.
   */
  onDemand(collection: string, demand: Demand): void {
    this.#collections.get(collection);
    this.#demands.set(collection, demand);
  }

  /** What is being filed at the moment. */
  get applying(): { readonly collection: string; readonly key: StoreKey } | undefined {
    return this.#applying;
  }

  /** A number that is higher after each step in which some value changed. */
  get revision(): number {
    return this.#revision;
  }

  get(collection: string, key: StoreKey): unknown {
    return this.#collections.get(collection).get(key);
  }

  keys(collection: string): readonly StoreKey[] {
    return this.#collections.get(collection).keys();
  }

  /** A store of its own with the same values, filed from scratch. Costs as much as filling it did. */
  copy(): Store {
    const copy = new Store(this.#collections.empty());
    copy.apply(this.#collections.values());
    return copy;
  }

  /** The same inputs with changes on top; valid until this store changes. Costs what the changes cost. */
  fork(changes: Iterable<Change>): StoreFork {
    const taken = [...changes].filter((change) => this.#takes(change));
    return new StoreFork({ collections: this.#collections, nodes: this.#nodes }, taken);
  }

  /**
   * Applies changes as one step and returns the nodes whose value differs now. A value equal to the old one changes
   * nothing.
   */
  apply(changes: Iterable<Change>): InputNode[] {
    const touched = new CellMap<Cell>();
    let isChanged = false;
    for (const change of changes) {
      if (!this.#takes(change)) continue;
      this.#applying = change;
      const { collection, key, value } = change;
      const isOther = this.#collections.get(collection).write({
        key,
        value,
        touched: (cell) => void touched.set(cell, cell),
        failed: (index, error) => this.onIndexFailure({ collection, key, index, error }),
      });
      isChanged ||= isOther;
    }
    this.#applying = undefined;
    if (isChanged) this.#revision += 1;
    const changed: InputNode[] = [];
    for (const cell of touched.values()) {
      const node = this.#nodes.get(cell);
      if (node?.refresh(this.#collections.read(cell))) changed.push(node);
    }
    return changed;
  }

  node(cell: Cell): InputNode {
    const known = this.#nodes.get(cell);
    if (known) return known;
    const node = new InputNode(cell, this.#collections.read(cell));
    this.#nodes.set(cell, node);
    if (cell.kind === 'value') this.#demands.get(cell.collection)?.read(cell.key);
    return node;
  }

  /** The nodes of those of these cells that some query read. */
  nodesOf(cells: Iterable<Cell>): InputNode[] {
    return [...cells].flatMap((cell) => this.#nodes.get(cell) ?? []);
  }

  /** Lets a node go that nobody depends on any more. */
  forget({ cell }: InputNode): void {
    this.#nodes.delete(cell);
    const demand = cell.kind === 'value' ? this.#demands.get(cell.collection) : undefined;
    if (!demand || cell.kind !== 'value') return;
    this.apply([{ collection: cell.collection, key: cell.key }]);
    demand.left(cell.key);
  }

  #takes({ collection, key, value }: Change): boolean {
    return (
      value === undefined ||
      !this.#demands.has(collection) ||
      this.#nodes.get({ kind: 'value', collection, key }) !== undefined
    );
  }
}
