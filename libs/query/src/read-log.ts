import type { Node } from './node.ts';

/** Up to so many nodes are found by going through them: most runs read no more. */
const few = 8;

/** What a run has read, in order, each node once. */
export class ReadLog {
  readonly #nodes: Node[] = [];
  readonly #seen: unknown[] = [];
  /** The nodes, once they are many. */
  #many: Set<Node> | undefined;

  get nodes(): readonly Node[] {
    return this.#nodes;
  }

  /** At the place of each node, what was seen of it. */
  get seen(): readonly unknown[] {
    return this.#seen;
  }

  add(node: Node, seen: unknown): void {
    if (this.#many ? this.#many.has(node) : this.#nodes.includes(node)) return;
    this.#nodes.push(node);
    this.#seen.push(seen);
    if (this.#many) this.#many.add(node);
    else if (this.#nodes.length > few) this.#many = new Set(this.#nodes);
  }
}
