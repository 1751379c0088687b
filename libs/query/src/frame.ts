import { seen, valueOf, type AnyQuery, type Entry, type InputNode, type Node } from './node.ts';
import type { Query, Reads } from './query.ts';
import type { Store } from './store.ts';
import { attribute, noAttributes, union, type Signature, type Subject } from './subject.ts';

export interface FrameContext {
  readonly store: Store;
  readonly subject: Subject;
  resolve(query: AnyQuery, key: string, subject: Subject): Entry;
}

/** One run of a query: its view, which notes all that is read. */
export class Frame implements Reads {
  readonly #context: FrameContext;
  readonly #reads = new Map<Node, unknown>();
  #signature: Signature = noAttributes;
  #isOpen = true;

  constructor(context: FrameContext) {
    this.#context = context;
  }

  get signature(): Signature {
    return this.#signature;
  }

  /** Takes over what another run has read: this one's result depends on it too. */
  absorb({ reads, signature }: { readonly reads: ReadonlyMap<Node, unknown>; readonly signature: Signature }): void {
    for (const [node, was] of reads) this.#reads.set(node, was);
    this.#signature = union(this.#signature, signature);
  }

  get reads(): ReadonlyMap<Node, unknown> {
    return this.#reads;
  }

  /** Ends the run: what was read in order, with what was seen. */
  close(): { readonly reads: readonly Node[]; readonly was: readonly unknown[] } {
    this.#isOpen = false;
    return { reads: [...this.#reads.keys()], was: [...this.#reads.values()] };
  }

  get(collection: string, key: string): unknown {
    return this.#input(this.#context.store.valueNode(collection, key));
  }

  index(collection: string, index: string, key: string): readonly string[] {
    return this.#input(this.#context.store.indexNode(collection, index, key)) as readonly string[];
  }

  list(collection: string): readonly string[] {
    return this.#input(this.#context.store.listNode(collection)) as readonly string[];
  }

  attr(path: string): unknown {
    this.#refuseWhenClosed();
    this.#signature = union(this.#signature, attribute(path));
    return this.#context.subject.read(path);
  }

  query<K extends string, R, V>(query: Query<K, R, V>, key: K): R {
    this.#refuseWhenClosed();
    const { resolve, subject } = this.#context;
    const entry = resolve(query as unknown as AnyQuery, key, subject);
    this.#reads.set(entry, seen(entry.outcome));
    this.#signature = union(this.#signature, entry.signature);
    return valueOf(entry.outcome) as R;
  }

  #input(node: InputNode): unknown {
    this.#refuseWhenClosed();
    this.#reads.set(node, node.value);
    return node.value;
  }

  #refuseWhenClosed(): void {
    if (!this.#isOpen) throw new Error('a query kept its view beyond its run');
  }
}
