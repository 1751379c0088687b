import { freezesShared } from '@flotilla/std';
import type { Cell } from './cell.ts';
import { Fork } from './fork.ts';
import { Eviction } from './eviction.ts';
import { describe, type ResultInfo } from './inspect.ts';
import type { QueryKey } from './key.ts';
import { mark, readersOf, type ReaderLimits, type Readers } from './marks.ts';
import { Entry, seen, valueOf, Watch, type AnyQuery, type Node } from './node.ts';
import type { Query } from './query.ts';
import { Results, reuseOutcome, type Asked } from './results.ts';
import { Runner, unlimited, type Budget } from './runner.ts';
import type { Change, Store } from './store.ts';
import type { Subject } from './subject.ts';

export interface EngineStats {
  /** How often each query ran since the last reset. */
  readonly runs: ReadonlyMap<string, number>;
  readonly entries: number;
}

/** Where results can be read: an engine, or a fork of one. */
export interface Reader {
  /**
   * The result for this subject, reused where it can be. Throws what the query throws; a QueryCycle if it needs its own
   * result.
   */
  read<K extends QueryKey, R, V>(query: Query<K, R, V>, key: K, subject: Subject): R;
}

/** For whom a result is computed, and how much of it at once. */
export interface Piece extends Budget {
  readonly subject: Subject;
}

export interface EngineOptions {
  /** Freezes every result, so that changing one throws; it costs time. Default: as freezeShared has set it in tests. */
  readonly freezesResults?: boolean;
}

/**
 * Tracked queries over a store (the idea of Salsa, Adapton and signals). Invalidation is pushed from what changed;
 * validation and computation are pulled; a result that comes out equal stops there.
 */
export class Engine implements Reader {
  readonly store: Store;
  readonly #results = new Results();
  readonly #runner: Runner;
  readonly #eviction: Eviction;
  /** Watched results that may have changed, with what was seen of them. */
  readonly #marked = new Map<Entry, unknown>();
  /** Watches that are settled already, of changes that are not settled whole. */
  #changed = new Set<Watch>();

  constructor(store: Store, { freezesResults = freezesShared() }: EngineOptions = {}) {
    this.store = store;
    const resolve = (query: AnyQuery, key: QueryKey, subject: Subject): Entry => this.#resolve({ query, key }, subject);
    this.#eviction = new Eviction({
      drop: (node) => (node instanceof Entry ? this.#drop(node) : this.store.forget(node)),
    });
    const onInterrupted = (reads: Iterable<Node>): void => this.#eviction.onInterrupted(reads);
    this.#runner = new Runner({ cells: store, freezes: freezesResults, resolve, onInterrupted });
  }

  get stats(): EngineStats {
    return { runs: this.#runner.counts, entries: this.#results.size };
  }

  /** What runs at the moment, outermost first: for a watchdog that finds that it does not end. */
  get running(): readonly string[] {
    const { applying } = this.store;
    return [...(applying ? [`${applying.collection} ${applying.key}`] : []), ...this.#runner.running];
  }

  resetStats(): void {
    this.#runner.resetCounts();
  }

  read<K extends QueryKey, R, V>(query: Query<K, R, V>, key: K, subject: Subject): R {
    const entry = this.#resolve({ query: query as unknown as AnyQuery, key }, subject);
    this.#eviction.release(entry);
    return valueOf(entry.outcome) as R;
  }

  /** Computes a result and keeps it up to date: `apply` returns its watch when it has changed. */
  watch<K extends QueryKey, R, V>(query: Query<K, R, V>, key: K, subject: Subject): Watch {
    const entry = this.#resolve({ query: query as unknown as AnyQuery, key }, subject);
    const watch = new Watch(subject, entry);
    entry.addWatch(watch);
    return watch;
  }

  unwatch(watch: Watch): void {
    watch.entry.removeWatch(watch);
    this.#eviction.release(watch.entry);
  }

  /**
   * Computes a piece of a result, as much as the budget allows. Returns whether the result is complete, so that reading
   * it costs nothing more; otherwise the next call continues where this one was interrupted.
   */
  prepare<K extends QueryKey, R, V>(query: Query<K, R, V>, key: K, piece: Piece): boolean {
    const asked = { query: query as unknown as AnyQuery, key };
    const { subject } = piece;
    if (this.#results.find(asked, subject)?.state === 'clean') return true;
    return this.#runner.inPiece(piece, () => this.#eviction.release(this.#resolve(asked, subject)));
  }

  /**
   * Applies changes as one step, brings every watched result up to date and returns the watches whose result is another
   * now. Marking costs what depends on the changed keys; what is looked at or computed again, only what something
   * watched still reads.
   */
  apply(changes: Iterable<Change>): Set<Watch> {
    this.begin(changes);
    return this.settle() ?? new Set();
  }

  /** The first half of `apply`: from now on results are those after the changes, and `settle` is to be called. */
  begin(changes: Iterable<Change>): void {
    for (const [entry, before] of mark(this.store.apply(changes)))
      if (!this.#marked.has(entry)) this.#marked.set(entry, before);
  }

  /**
   * The second half of `apply`, in pieces as large as the budget allows: undefined until the last one, which returns
   * the watches of all pieces.
   */
  settle(budget: Budget = unlimited): Set<Watch> | undefined {
    const isComplete = this.#runner.inPiece(budget, () => {
      for (const [entry, before] of this.#marked) {
        this.#settle(entry, before, this.#changed);
        this.#marked.delete(entry);
      }
    });
    if (!isComplete) return undefined;
    const changed = this.#changed;
    this.#changed = new Set();
    return changed;
  }

  /**
   * The same engine after these changes, as far as it is asked: results that do not depend on them are this engine's,
   * others are computed when they are read. Nothing here changes by it, and it ends with this engine's next change.
   */
  fork(changes: Iterable<Change>): Fork {
    return new Fork({ store: this.store, results: this.#results, runner: this.#runner }, changes);
  }

  /**
   * Evicts the results that no watch reaches, except what an interrupted run has read since the last time; in slices of
   * about this many results and their reads. Returns whether all are evicted. Costs no more than what is evicted.
   */
  collect(size = Infinity): boolean {
    return this.#eviction.slice(size);
  }

  /** Every watched result, for checkAgainstScratch. */
  *watches(): Iterable<Watch> {
    for (const { watches } of this.#results) yield* watches;
  }

  /** Every result that is remembered, with what it depends on. Computes nothing. */
  *results(): Iterable<ResultInfo> {
    for (const entry of this.#results) yield describe(entry);
  }

  /**
   * The results that read these cells, directly or through other results but hubs. Computes nothing. While changes are
   * not settled, results may be missing that will read them.
   */
  readersOf(cells: Iterable<Cell>, limits: ReaderLimits): Readers {
    return readersOf(this.store.nodesOf(cells), limits);
  }

  #resolve(asked: Asked, subject: Subject): Entry {
    const entry = this.#results.find(asked, subject);
    if (entry && (entry.state === 'clean' || this.#stillValid(entry, subject))) return entry;
    return this.#compute(asked, subject, entry);
  }

  /**
   * All watches of an entry see what its first one does, unless it now depends on something else of the subject: then
   * they may part.
   */
  #settle(entry: Entry, before: unknown, changed: Set<Watch>): void {
    const [first] = entry.watches;
    if (!first) return;
    if (this.#resolve(entry, first.subject) === entry) {
      if (seen(entry.outcome) !== before) for (const watch of entry.watches) changed.add(watch);
      return;
    }
    for (const watch of [...entry.watches]) {
      const now = this.#resolve(entry, watch.subject);
      entry.removeWatch(watch);
      now.addWatch(watch);
      watch.entry = now;
      // A list watches for several subjects, which may part now.
      if (seen(now.outcome) !== before || watch.list) changed.add(watch);
    }
    this.#eviction.release(entry);
  }

  /** Reads are checked in the order they were made: a later one may only make sense while the earlier ones hold. */
  #stillValid(entry: Entry, subject: Subject): boolean {
    if (entry.state !== 'check') return false;
    const { reads, was } = entry;
    for (let i = 0; i < reads.length; i += 1) {
      const read = reads[i] as Node;
      if (!(read instanceof Entry)) {
        if (read.value !== was[i]) return false;
      } else if (read.state === 'clean') {
        // Who agrees on what the reader depends on agrees on what it read.
        if (seen(read.outcome) !== was[i]) return false;
      } else {
        const now = this.#resolve(read, subject);
        if (now !== read || seen(now.outcome) !== was[i]) return false;
      }
    }
    entry.state = 'clean';
    return true;
  }

  #compute({ query, key }: Asked, subject: Subject, old: Entry | undefined): Entry {
    const { outcome: fresh, signature, reads, was } = this.#runner.run({ query, key }, subject);
    const values = subject.valuesOf(signature);
    // What the result depends on may have changed: then it belongs elsewhere, where another subject's may already be.
    const there = this.#results.of({ query, key }, signature, values);
    if (old && old !== there) this.#drop(old);
    const outcome = there || old ? reuseOutcome(query, fresh, [there, old]) : fresh;
    const entry = there ?? this.#results.add(new Entry({ query, key, signature, values, outcome }));
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
    if (old.length === 0) return;
    const kept = new Set(reads);
    for (const read of old) if (!kept.has(read)) this.#leave(read, entry);
  }

  #leave(read: Node, entry: Entry): void {
    read.removeDependent(entry);
    this.#eviction.release(read);
  }

  /** Takes an entry out. Whoever read it finds another in its place when it looks. */
  #drop(entry: Entry): void {
    if (entry.state === 'gone') return;
    entry.state = 'gone';
    for (const read of entry.reads) this.#leave(read, entry);
    this.#results.remove(entry);
  }
}
