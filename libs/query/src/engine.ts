import { deepEqual } from '@flotilla/std';
import { Frame } from './frame.ts';
import { Entry, InputNode, seen, valueOf, Watch, type AnyQuery, type Node, type Outcome } from './node.ts';
import { QueryCycle, type Query } from './query.ts';
import { Slot } from './slot.ts';
import type { Change, Store } from './store.ts';
import type { Subject } from './subject.ts';

export interface EngineStats {
  /** How often each query ran since the last reset. */
  readonly runs: ReadonlyMap<string, number>;
  readonly entries: number;
}

/**
 * Tracked queries over a store (the idea of Salsa, Adapton and signals). Invalidation is pushed from what changed;
 * validation and computation are pulled; a result that comes out equal stops there.
 */
export class Engine {
  readonly store: Store;
  readonly #slots = new Map<AnyQuery, Map<string, Slot>>();
  readonly #runs = new Map<string, number>();
  readonly #running: { query: AnyQuery; key: string; subject: Subject; frame: Frame }[] = [];
  /** What may be evicted: nobody held it when it was last looked at. */
  readonly #loose = new Set<Node>();
  readonly #resolve = (query: AnyQuery, key: string, subject: Subject): Entry => {
    const entry = this.#slots.get(query)?.get(key)?.find(subject);
    if (!entry) return this.#compute({ query, key }, subject);
    return entry.state === 'clean' || this.#stillValid(entry, subject) ? entry : this.#compute(entry, subject);
  };

  #entries = 0;

  constructor(store: Store) {
    this.store = store;
  }

  get stats(): EngineStats {
    return { runs: this.#runs, entries: this.#entries };
  }

  /** What runs at the moment, outermost first: for whoever finds that it does not end. */
  get running(): readonly string[] {
    const { applying } = this.store;
    return [
      ...(applying ? [`${applying.collection} ${applying.key}`] : []),
      ...this.#running.map(({ query, key }) => `${query.name}(${key})`),
    ];
  }

  resetStats(): void {
    this.#runs.clear();
  }

  /**
   * The result for this subject, reused where it can be. Throws what the query throws; a QueryCycle if it needs its own
   * result.
   */
  read<K extends string, R, V>(query: Query<K, R, V>, key: K, subject: Subject): R {
    const entry = this.#resolve(query as unknown as AnyQuery, key, subject);
    this.#release(entry);
    return valueOf(entry.outcome) as R;
  }

  /** Computes a result and keeps it up to date: `apply` tells when it has changed. */
  watch<K extends string, R, V>(query: Query<K, R, V>, key: K, subject: Subject): Watch {
    const entry = this.#resolve(query as unknown as AnyQuery, key, subject);
    const watch = new Watch(subject, entry);
    entry.addWatch(watch);
    return watch;
  }

  unwatch(watch: Watch): void {
    watch.entry.removeWatch(watch);
    this.#release(watch.entry);
  }

  /**
   * Applies changes as one step, brings every watched result up to date and returns the watches whose result is another
   * now. Marking costs what depends on the changed keys; what is looked at or computed again, only what something
   * watched still reads.
   */
  apply(changes: Iterable<Change>): Set<Watch> {
    const marked = new Map<Entry, unknown>();
    for (const node of this.store.apply(changes)) for (const entry of node.dependents) mark(entry, marked);
    const changed = new Set<Watch>();
    for (const [entry, before] of marked) this.#settle(entry, before, changed);
    return changed;
  }

  /** Evicts every result that no watch reaches. Costs no more than what is evicted. */
  collect(): void {
    for (const node of this.#loose) {
      if (node.isHeld) continue;
      if (node instanceof Entry) this.#drop(node);
      else this.store.forget(node);
    }
    this.#loose.clear();
  }

  /** Every watched result, for checkAgainstScratch. */
  *watches(): Iterable<Watch> {
    for (const slots of this.#slots.values())
      for (const slot of slots.values()) for (const { watches } of slot.entries()) yield* watches;
  }

  /**
   * All watches of an entry see what its first one does, unless it now depends on something else of the subject: then
   * they may part.
   */
  #settle(entry: Entry, before: unknown, changed: Set<Watch>): void {
    const [first] = entry.watches;
    if (!first) return;
    if (this.#resolve(entry.query, entry.key, first.subject) === entry) {
      if (seen(entry.outcome) !== before) for (const watch of entry.watches) changed.add(watch);
      return;
    }
    for (const watch of [...entry.watches]) {
      const now = this.#resolve(entry.query, entry.key, watch.subject);
      entry.removeWatch(watch);
      now.addWatch(watch);
      watch.entry = now;
      if (seen(now.outcome) !== before) changed.add(watch);
    }
  }

  /** Reads are checked in the order they were made: a later one may only make sense while the earlier ones hold. */
  #stillValid(entry: Entry, subject: Subject): boolean {
    if (entry.state !== 'check') return false;
    const { reads, was } = entry;
    for (let i = 0; i < reads.length; i += 1) {
      const read = reads[i] as Node;
      if (read instanceof InputNode) {
        if (read.value !== was[i]) return false;
      } else if (read.state === 'clean') {
        // Who agrees on what the reader depends on agrees on what it read.
        if (seen(read.outcome) !== was[i]) return false;
      } else {
        const now = this.#resolve(read.query, read.key, subject);
        if (now !== read || seen(now.outcome) !== was[i]) return false;
      }
    }
    entry.state = 'clean';
    return true;
  }

  #compute(at: Entry | { query: AnyQuery; key: string }, subject: Subject): Entry {
    const { query, key } = at;
    const old = at instanceof Entry ? at : undefined;
    const closesAt = this.#running.findIndex((r) => r.query === query && r.key === key && r.subject === subject);
    if (closesAt >= 0)
      throw new QueryCycle(
        [...this.#running, { query, key }].map((r) => `${r.query.name}(${r.key})`),
        closesAt,
      );
    const frame = new Frame({ store: this.store, subject, resolve: this.#resolve });
    const depth = this.#running.length;
    this.#running.push({ query, key, subject, frame });
    let outcome: Outcome;
    try {
      outcome = { value: query.run(frame as never, key) };
    } catch (error) {
      if (error instanceof QueryCycle && error.closesAt !== undefined) {
        // Queries within a cycle have no outcome of their own: the one at which it closes depends on all that they have
        // read.
        if (error.closesAt < depth) {
          this.#running[depth - 1]?.frame.absorb(frame);
          throw error;
        }
        error.closesAt = undefined;
      }
      outcome = { error };
    } finally {
      this.#running.pop();
    }
    const { reads, was } = frame.close();
    this.#runs.set(query.name, (this.#runs.get(query.name) ?? 0) + 1);
    const values = subject.valuesOf(frame.signature);
    // What the result depends on may have changed: then it belongs elsewhere, where another subject's may already be.
    const there = this.#slots.get(query)?.get(key)?.at(frame.signature, values);
    if (old && old !== there) this.#drop(old);
    const entry = there ?? this.#file(new Entry({ query, key, signature: frame.signature, values, outcome }));
    for (const before of [old, there])
      if (before && sameOutcome(query, before.outcome, outcome)) outcome = before.outcome;
    entry.outcome = outcome;
    entry.state = 'clean';
    this.#setReads(entry, reads);
    entry.was = was;
    return entry;
  }

  #setReads(entry: Entry, reads: readonly Node[]): void {
    const old = entry.reads;
    if (old.length === reads.length && old.every((node, i) => node === reads[i])) return;
    entry.reads = reads;
    for (const read of reads) read.addDependent(entry);
    const kept = new Set(reads);
    for (const read of old) if (!kept.has(read)) this.#leave(read, entry);
  }

  #leave(read: Node, entry: Entry): void {
    read.removeDependent(entry);
    this.#release(read);
  }

  #release(node: Node): void {
    if (!node.isHeld) this.#loose.add(node);
  }

  #slot(query: AnyQuery, key: string): Slot {
    let keys = this.#slots.get(query);
    if (!keys) this.#slots.set(query, (keys = new Map()));
    let slot = keys.get(key);
    if (!slot) keys.set(key, (slot = new Slot()));
    return slot;
  }

  #file(entry: Entry): Entry {
    this.#slot(entry.query, entry.key).add(entry);
    this.#entries += 1;
    return entry;
  }

  /** Takes an entry out. Whoever read it finds another in its place when it looks. */
  #drop(entry: Entry): void {
    if (entry.state === 'gone') return;
    entry.state = 'gone';
    this.#entries -= 1;
    for (const read of entry.reads) this.#leave(read, entry);
    const keys = this.#slots.get(entry.query);
    if (keys?.get(entry.key)?.remove(entry)) keys.delete(entry.key);
  }
}

function sameOutcome(query: AnyQuery, a: Outcome, b: Outcome): boolean {
  return 'value' in a && 'value' in b && (query.equals ?? deepEqual)(a.value as never, b.value as never);
}

/**
 * Marks an entry whose input has changed, and what depends on it, transitively; gathers those that are watched, with
 * what was seen of them.
 */
function mark(start: Entry, marked: Map<Entry, unknown>): void {
  const visit = start.state === 'clean' ? [start] : [];
  start.state = 'dirty';
  for (let entry = visit.pop(); entry; entry = visit.pop()) {
    if (entry.watches.size > 0) marked.set(entry, seen(entry.outcome));
    for (const dependent of entry.dependents) {
      if (dependent.state !== 'clean') continue;
      dependent.state = 'check';
      visit.push(dependent);
    }
  }
}
