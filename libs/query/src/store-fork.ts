import { cellId, InputNode, type Cell } from './cell.ts';
import type { Collections } from './collections.ts';
import type { Cells, Change } from './store.ts';

interface Parent {
  readonly collections: Collections;
  readonly nodes: ReadonlyMap<string, InputNode>;
}

/**
 * The inputs of a store with changes on top. It holds nothing but what differs, and its cells are its own: the store
 * does not hear what is read here.
 */
export class StoreFork implements Cells {
  readonly #parent: Parent;
  readonly #collections: Collections;
  readonly #touched = new Map<string, Cell>();
  readonly #nodes = new Map<string, InputNode>();

  constructor(parent: Parent, changes: Iterable<Change>) {
    this.#parent = parent;
    this.#collections = parent.collections.fork();
    for (const { collection, key, value } of changes)
      this.#collections.get(collection).write({
        key,
        value,
        touched: (cell) => void this.#touched.set(cellId(cell), cell),
        failed: () => {},
      });
  }

  node(cell: Cell): InputNode {
    const id = cellId(cell);
    const known = this.#nodes.get(id);
    if (known) return known;
    const above = this.#parent.nodes.get(id);
    // A list that comes out equal stays the list that the parent's results have seen.
    const node = new InputNode(id, cell, above ? above.value : this.#collections.read(cell));
    if (above && this.#touched.has(id)) node.refresh(this.#collections.read(cell));
    this.#nodes.set(id, node);
    return node;
  }

  /** What a node of the store holds here. */
  valueOf({ id, cell, value }: InputNode): unknown {
    return this.#touched.has(id) ? this.node(cell).value : value;
  }

  /** The nodes of the store that hold something else here. */
  *differing(): Iterable<InputNode> {
    for (const id of this.#touched.keys()) {
      const node = this.#parent.nodes.get(id);
      if (node && this.valueOf(node) !== node.value) yield node;
    }
  }
}
