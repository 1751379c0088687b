import { Entry, type Node } from './node.ts';

export interface EvictionOptions {
  /** Removes a node that nothing holds, and releases what it alone held. */
  readonly drop: (node: Node) => void;
}

/**
 * Decides which nodes may be evicted: those that nothing held when they were last checked. They are checked in rounds,
 * and each round in slices. What an interrupted run has read, which its next piece needs, survives the round in
 * progress or the next one, and no longer.
 */
export class Eviction {
  readonly #drop: (node: Node) => void;
  readonly #loose = new Set<Node>();
  /** What interrupted runs have read since this round began. */
  #halfway = new Set<Node>();
  /** What they had read before. */
  #spared: ReadonlySet<Node> | undefined;
  #kept: Node[] = [];

  constructor({ drop }: EvictionOptions) {
    this.#drop = drop;
  }

  release(node: Node): void {
    if (!node.isHeld) this.#loose.add(node);
  }

  onInterrupted(reads: Iterable<Node>): void {
    for (const node of reads) {
      this.#halfway.add(node);
      this.release(node);
    }
  }

  /**
   * Continues the round, or begins one, for about this many nodes and their reads. Returns whether the round is
   * complete. A round costs no more than what it evicts.
   */
  slice(size: number): boolean {
    if (!this.#spared) {
      this.#spared = this.#halfway;
      this.#halfway = new Set();
    }
    let left = size;
    // Nodes that are released in the meantime are checked too.
    for (const node of this.#loose) {
      if (left <= 0) return false;
      this.#loose.delete(node);
      left -= 1;
      if (node.isHeld) continue;
      if (this.#spared.has(node) || this.#halfway.has(node)) this.#kept.push(node);
      else {
        if (node instanceof Entry) left -= node.reads.length;
        this.#drop(node);
      }
    }
    for (const node of this.#kept) this.#loose.add(node);
    this.#kept = [];
    this.#spared = undefined;
    return true;
  }
}
