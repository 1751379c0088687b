import { deepEqual } from '@flotilla/std';
import { Entry, InputNode, seen, type AnyQuery, type Outcome } from './node.ts';
import { QueryCycle, type Query, type Reads } from './query.ts';
import type { Change, Store } from './store.ts';
import { attribute, noAttributes, union, type Signature, type Subject } from './subject.ts';

/** A standing interest in one result; `last` is what was seen when it was last looked at: another watch may have brought the entry up to date since. */
export interface Watch {
  readonly query: AnyQuery;
  readonly key: string;
  readonly subject: Subject;
  entry: Entry;
  last: unknown;
}

export interface EngineStats {
  /** How often each query ran since the last reset. */
  readonly runs: ReadonlyMap<string, number>;
  readonly entries: number;
}

interface Frame { readonly reads: Map<InputNode | Entry, unknown>; signature: Signature; open: boolean }
/** The entries of one (query, key), by what they depend on of the subject. */
type Slot = Map<number, { readonly signature: Signature; readonly entries: Map<string, Entry> }>;

/**
 * Tracked queries over a store (the idea of Salsa, Adapton and signals). Invalidation is pushed from what changed; validation and
 * computation are pulled; a result that comes out equal stops there.
 */
export class Engine {
  readonly store: Store;
  readonly #slots = new Map<AnyQuery, Map<string, Slot>>();
  readonly #runs = new Map<string, number>();
  readonly #running: { query: AnyQuery; key: string; subject: Subject }[] = [];
  #entries = 0;

  constructor(store: Store) {
    this.store = store;
  }

  get stats(): EngineStats {
    return { runs: this.#runs, entries: this.#entries };
  }

  resetStats(): void {
    this.#runs.clear();
  }

  /** The result for this subject, reused where it can be. Throws what the query throws, and QueryCycle. */
  read<K extends string, R, V>(query: Query<K, R, V>, key: K, subject: Subject): R {
    return valueOf(this.#resolve(query as unknown as AnyQuery, key, subject).outcome) as R;
  }

  /** Reads once and keeps watching: `apply` tells when it may have changed, `refresh` looks. */
  watch<K extends string, R, V>(query: Query<K, R, V>, key: K, subject: Subject): Watch {
    const entry = this.#resolve(query as unknown as AnyQuery, key, subject);
    const watch: Watch = { query: entry.query, key, subject, entry, last: seen(entry.outcome) };
    entry.watches.add(watch);
    return watch;
  }

  unwatch(watch: Watch): void {
    watch.entry.watches.delete(watch);
  }

  /** Brings a watch up to date; whether its result differs from the last look. */
  refresh(watch: Watch): boolean {
    const entry = this.#resolve(watch.query, watch.key, watch.subject);
    if (entry !== watch.entry) {
      watch.entry.watches.delete(watch);
      entry.watches.add(watch);
      watch.entry = entry;
    }
    const before = watch.last;
    watch.last = seen(entry.outcome);
    return watch.last !== before;
  }

  /** Applies changes as one step; returns the watches whose result may have changed. Cost: what depends on the changed keys, no more. */
  apply(changes: Iterable<Change>): Set<Watch> {
    const touched = new Set<Watch>();
    for (const node of this.store.apply(changes)) {
      for (const entry of node.dependents) {
        invalidate(entry, touched);
        entry.state = 'dirty';
      }
    }
    return touched;
  }

  /** Evicts every result that no watch reaches. */
  collect(): void {
    const live = new Set<Entry>();
    const visit = [...this.#all()].filter((entry) => entry.watches.size > 0);
    for (let entry = visit.pop(); entry; entry = visit.pop()) {
      if (live.has(entry)) continue;
      live.add(entry);
      for (const read of entry.reads.keys()) if (read instanceof Entry) visit.push(read);
    }
    for (const entry of [...this.#all()]) if (!live.has(entry)) this.#drop(entry);
    this.store.collect();
  }

  /** Every watched result, for checkAgainstScratch. */
  * watches(): Iterable<Watch> {
    for (const entry of this.#all()) yield* entry.watches;
  }

  #resolve(query: AnyQuery, key: string, subject: Subject): Entry {
    for (const { signature, entries } of this.#slot(query, key).values()) {
      const entry = entries.get(subject.valuesOf(signature));
      if (entry) return entry.state === 'clean' || this.#stillValid(entry, subject) ? entry : this.#compute(entry, subject);
    }
    return this.#compute({ query, key }, subject);
  }

  /** Reads are checked in the order they were made: a later one may only make sense while the earlier ones hold. */
  #stillValid(entry: Entry, subject: Subject): boolean {
    if (entry.state === 'dirty') return false;
    for (const [read, was] of entry.reads) {
      if (read instanceof InputNode) {
        if (read.value !== was) return false;
      } else {
        const now = this.#resolve(read.query, read.key, subject);
        if (now !== read || seen(now.outcome) !== was) return false;
      }
    }
    entry.state = 'clean';
    return true;
  }

  #compute(at: Entry | { query: AnyQuery; key: string }, subject: Subject): Entry {
    const { query, key } = at;
    if (this.#running.some((r) => r.query === query && r.key === key && r.subject === subject)) {
      throw new QueryCycle([...this.#running, { query, key }].map((r) => `${r.query.name}(${r.key})`));
    }
    const old = at instanceof Entry ? at : undefined;
    const frame: Frame = { reads: new Map(), signature: noAttributes, open: true };
    this.#running.push({ query, key, subject });
    let outcome: Outcome;
    try {
      outcome = { value: query.run(this.#view(frame, subject) as never, key) };
    } catch (error) {
      if (error instanceof QueryCycle) throw error;
      outcome = { error };
    } finally {
      frame.open = false;
      this.#running.pop();
    }
    this.#runs.set(query.name, (this.#runs.get(query.name) ?? 0) + 1);
    const values = subject.valuesOf(frame.signature);
    // What the result depends on may have changed: then it belongs elsewhere, where another subject's may already be.
    const there = this.#slot(query, key).get(frame.signature.id)?.entries.get(values);
    if (old && old !== there) this.#drop(old);
    const entry = there ?? this.#file(new Entry({ query, key, signature: frame.signature, values, outcome }));
    for (const before of [old, there]) if (before && sameOutcome(query, before.outcome, outcome)) outcome = before.outcome;
    for (const read of entry.reads.keys()) read.dependents.delete(entry);
    entry.outcome = outcome;
    entry.reads = frame.reads;
    entry.state = 'clean';
    for (const read of frame.reads.keys()) read.dependents.add(entry);
    return entry;
  }

  #view(frame: Frame, subject: Subject): Reads {
    const input = (node: InputNode): unknown => {
      if (!frame.open) throw new Error('a query kept its view beyond its run');
      frame.reads.set(node, node.value);
      return node.value;
    };
    return {
      get: (collection, key) => input(this.store.valueNode(collection, key)),
      index: (collection, index, key) => input(this.store.indexNode(collection, index, key)) as readonly string[],
      list: (collection) => input(this.store.listNode(collection)) as readonly string[],
      attr: (path) => {
        frame.signature = union(frame.signature, attribute(path));
        return subject.read(path);
      },
      query: (query, key) => {
        if (!frame.open) throw new Error('a query kept its view beyond its run');
        const entry = this.#resolve(query as unknown as AnyQuery, key, subject);
        frame.reads.set(entry, seen(entry.outcome));
        frame.signature = union(frame.signature, entry.signature);
        return valueOf(entry.outcome) as never;
      },
    };
  }

  #slot(query: AnyQuery, key: string): Slot {
    let keys = this.#slots.get(query);
    if (!keys) this.#slots.set(query, (keys = new Map()));
    let slot = keys.get(key);
    if (!slot) keys.set(key, (slot = new Map()));
    return slot;
  }

  #file(entry: Entry): Entry {
    const slot = this.#slot(entry.query, entry.key);
    const group = slot.get(entry.signature.id) ?? { signature: entry.signature, entries: new Map<string, Entry>() };
    slot.set(entry.signature.id, group);
    group.entries.set(entry.values, entry);
    this.#entries += 1;
    return entry;
  }

  /** Takes an entry out. Whoever read it finds another in its place when it looks. */
  #drop(entry: Entry): void {
    for (const read of entry.reads.keys()) read.dependents.delete(entry);
    const keys = this.#slots.get(entry.query);
    const slot = keys?.get(entry.key);
    const group = slot?.get(entry.signature.id);
    if (!group?.entries.delete(entry.values)) return;
    this.#entries -= 1;
    if (group.entries.size === 0) slot?.delete(entry.signature.id);
    if (slot?.size === 0) keys?.delete(entry.key);
  }

  * #all(): Iterable<Entry> {
    for (const keys of this.#slots.values()) {
      for (const slot of keys.values()) for (const group of slot.values()) yield* group.entries.values();
    }
  }
}

function sameOutcome(query: AnyQuery, a: Outcome, b: Outcome): boolean {
  return 'value' in a && 'value' in b && (query.equals ?? deepEqual)(a.value as never, b.value as never);
}

function valueOf(outcome: Outcome): unknown {
  if ('error' in outcome) throw outcome.error;
  return outcome.value;
}

/** Marks what depends on a changed result, transitively, and gathers the watches met. */
function invalidate(start: Entry, touched: Set<Watch>): void {
  const visit = [start];
  for (let entry = visit.pop(); entry; entry = visit.pop()) {
    if (entry.state !== 'clean' && entry !== start) continue;
    for (const watch of entry.watches) touched.add(watch);
    if (entry.state === 'clean') entry.state = 'check';
    visit.push(...[...entry.dependents].filter((dependent) => dependent.state === 'clean'));
  }
}
