import type { Cell } from './cell.ts';
import type { QueryKey, StoreKey } from './key.ts';
import { seen, valueOf, type AnyQuery, type Entry, type Node } from './node.ts';
import type { Attempt, Query, Reads } from './query.ts';
import type { Cells } from './store.ts';
import { attribute, noAttributes, union, type Signature, type Subject } from './subject.ts';

export interface FrameContext {
  readonly cells: Cells;
  readonly subject: Subject;
  resolve(query: AnyQuery, key: QueryKey, subject: Subject): Entry;
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

  /** What was read, in order, with what was seen of it. */
  get reads(): ReadonlyMap<Node, unknown> {
    return this.#reads;
  }

  /** Ends the run: from now on the view refuses to be read. */
  close(): void {
    this.#isOpen = false;
  }

  get(collection: string, key: StoreKey): unknown {
    return this.#input({ kind: 'value', collection, key });
  }

  index(collection: string, index: string, key: StoreKey): readonly StoreKey[] {
    return this.#input({ kind: 'index', collection, index, key }) as readonly StoreKey[];
  }

  list(collection: string): readonly StoreKey[] {
    return this.#input({ kind: 'list', collection }) as readonly StoreKey[];
  }

  attr(path: string): unknown {
    this.#refuseWhenClosed();
    this.#signature = union(this.#signature, attribute(path));
    return this.#context.subject.read(path);
  }

  query<K extends QueryKey, R, V>(query: Query<K, R, V>, key: K): R {
    return valueOf(this.attempt(query, key)) as R;
  }

  attempt<K extends QueryKey, R, V>(query: Query<K, R, V>, key: K): Attempt<R> {
    this.#refuseWhenClosed();
    const { resolve, subject } = this.#context;
    const entry = resolve(query as unknown as AnyQuery, key, subject);
    this.#reads.set(entry, seen(entry.outcome));
    this.#signature = union(this.#signature, entry.signature);
    return entry.outcome as Attempt<R>;
  }

  #input(cell: Cell): unknown {
    this.#refuseWhenClosed();
    const node = this.#context.cells.node(cell);
    this.#reads.set(node, node.value);
    return node.value;
  }

  #refuseWhenClosed(): void {
    if (!this.#isOpen) throw new Error('a query kept its view beyond its run');
  }
}
