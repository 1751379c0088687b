import type { Node } from './node.ts';

/** Up to this number, nodes are found by a linear search; most runs read no more. */
const few = 8;

/** What a run has read, in order, each node once. */
export class ReadLog {
  readonly #nodes: Node[] = [];
  readonly #seen: unknown[] = [];
  /** The same nodes as a set, once there are many. */
  #many: Set<Node> | undefined;

  get nodes(): readonly Node[] {
    return this.#nodes;
  }

  /** What was seen of each node, by the same index. */
  get seen(): readonly unknown[] {
    return this.#seen;
  }

  /** Adds a node, unless the run has read it before. */
  add(node: Node, seen: unknown): void {
    if (this.#many ? this.#many.has(node) : this.#nodes.includes(node)) return;
    this.#nodes.push(node);
    this.#seen.push(seen);
    if (this.#many) this.#many.add(node);
    else if (this.#nodes.length > few) this.#many = new Set(this.#nodes);
  }
}
