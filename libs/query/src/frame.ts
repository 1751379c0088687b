import type { Cell } from './cell.ts';
import type { QueryKey, StoreKey } from './key.ts';
import { seen, valueOf, type AnyQuery, type Entry } from './node.ts';
import type { Attempt, Query, Reads } from './query.ts';
import { ReadLog } from './read-log.ts';
import type { Cells } from './store.ts';
import { attribute, noAttributes, union, type Signature, type Subject } from './subject.ts';

export interface FrameContext {
  readonly cells: Cells;
  resolve(query: AnyQuery, key: QueryKey, subject: Subject): Entry;
}

/** One run of a query: its view, which notes everything that is read. */
export class Frame implements Reads {
  readonly reads = new ReadLog();
  readonly #context: FrameContext;
  readonly #subject: Subject;
  #signature: Signature = noAttributes;
  #isOpen = true;

  constructor(context: FrameContext, subject: Subject) {
    this.#context = context;
    this.#subject = subject;
  }

  get signature(): Signature {
    return this.#signature;
  }

  /** Takes over what another run has read: this one's result depends on it too. */
  absorb({ reads, signature }: Frame): void {
    reads.nodes.forEach((node, i) => this.reads.add(node, reads.seen[i]));
    this.#signature = union(this.#signature, signature);
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

  isEmpty(collection: string): boolean {
    return this.#input({ kind: 'emptiness', collection }) as boolean;
  }

  attr(path: string): unknown {
    this.#refuseWhenClosed();
    this.#signature = union(this.#signature, attribute(path));
    return this.#subject.read(path);
  }

  query<K extends QueryKey, R, V>(query: Query<K, R, V>, key: K): R {
    return valueOf(this.attempt(query, key)) as R;
  }

  attempt<K extends QueryKey, R, V>(query: Query<K, R, V>, key: K): Attempt<R> {
    this.#refuseWhenClosed();
    const entry = this.#context.resolve(query as unknown as AnyQuery, key, this.#subject);
    this.reads.add(entry, seen(entry.outcome));
    this.#signature = union(this.#signature, entry.signature);
    return entry.outcome as Attempt<R>;
  }

  #input(cell: Cell): unknown {
    this.#refuseWhenClosed();
    const node = this.#context.cells.node(cell);
    this.reads.add(node, node.value);
    return node.value;
  }

  #refuseWhenClosed(): void {
    if (!this.#isOpen) throw new Error('a query kept its view beyond its run');
  }
}
