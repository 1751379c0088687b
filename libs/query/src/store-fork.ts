import { CellMap } from './cell-map.ts';
import { InputNode, type Cell } from './cell.ts';
import type { Collections } from './collections.ts';
import type { Cells, Change } from './store.ts';

interface Parent {
  readonly collections: Collections;
  readonly nodes: Pick<CellMap<InputNode>, 'get'>;
}

/**
 * The inputs of a store with changes on top. It holds nothing but what differs, and its cells are its own: the store
 * does not hear what is read here.
 */
export class StoreFork implements Cells {
  readonly #parent: Parent;
  readonly #collections: Collections;
  readonly #touched = new CellMap<Cell>();
  readonly #nodes = new CellMap<InputNode>();

  constructor(parent: Parent, changes: Iterable<Change>) {
    this.#parent = parent;
    this.#collections = parent.collections.fork();
    for (const { collection, key, value } of changes)
      this.#collections.get(collection).write({
        key,
        value,
        touched: (cell) => void this.#touched.set(cell, cell),
        failed: () => {},
      });
  }

  node(cell: Cell): InputNode {
    const known = this.#nodes.get(cell);
    if (known) return known;
    const above = this.#parent.nodes.get(cell);
    // A list that comes out equal stays the list that the parent's results have seen.
    const node = new InputNode(cell, above ? above.value : this.#collections.read(cell));
    if (above && this.#touched.get(cell)) node.refresh(this.#collections.read(cell));
    this.#nodes.set(cell, node);
    return node;
  }

  /** What a node of the store holds here. */
  valueOf({ cell, value }: InputNode): unknown {
    return this.#touched.get(cell) ? this.node(cell).value : value;
  }

  /** The nodes of the store that hold something else here. */
  *differing(): Iterable<InputNode> {
    for (const cell of this.#touched.values()) {
      const node = this.#parent.nodes.get(cell);
      if (node && this.valueOf(node) !== node.value) yield node;
    }
  }
}
