import type { EngineStats, Reader } from './engine.ts';
import type { QueryKey } from './key.ts';
import { dependentsOf } from './marks.ts';
import { Entry, seen, valueOf, type AnyQuery, type Watch } from './node.ts';
import type { Query } from './query.ts';
import { Results, reuseOutcome, type Asked } from './results.ts';
import { Runner } from './runner.ts';
import type { StoreFork } from './store-fork.ts';
import type { Change, Store } from './store.ts';
import type { Subject } from './subject.ts';

/** What a fork looks at of its engine. It writes to none of it. */
interface Parent {
  readonly store: Store;
  readonly results: Results;
  readonly runner: Runner;
}

/** A fork was read after its engine had changed. */
export class ForkEnded extends Error {
  constructor() {
    super('the engine has changed since it was forked: fork it again');
  }
}

/**
 * What an engine would answer after some changes, without applying them. A result of the engine is reused while it does
 * not depend on what differs here, or turns out the same; everything else is computed here and kept here, so that the
 * engine's results, their states and their dependents stay as they are. A fork that is let go of leaves nothing behind.
 *
 * It ends when a value of the engine's store changes; after that, reading throws ForkEnded. Reading or watching results
 * of the engine does not end it.
 */
export class Fork implements Reader {
  readonly #parent: Parent;
  readonly #store: StoreFork;
  readonly #revision: number;
  readonly #runner: Runner;
  /** Computed here, or found to hold here. All inputs are fixed, so what is here once stays valid. */
  readonly #results = new Results();
  /** Results of the engine in whose place another one is here. */
  readonly #replaced = new Set<Entry>();
  /** Results of the engine that may be different here, when so many queries had run in it. */
  #affected: { readonly entries: ReadonlySet<Entry>; readonly at: number } | undefined;

  constructor(parent: Parent, changes: Iterable<Change>) {
    this.#parent = parent;
    this.#store = parent.store.fork(changes);
    this.#revision = parent.store.revision;
    const resolve = (query: AnyQuery, key: QueryKey, subject: Subject): Entry => this.#resolve({ query, key }, subject);
    this.#runner = new Runner({ cells: this.#store, freezes: parent.runner.freezes, resolve });
  }

  /** What ran and what is remembered here, without what is reused of the engine. */
  get stats(): EngineStats {
    return { runs: this.#runner.counts, entries: this.#results.size };
  }

  get running(): readonly string[] {
    return this.#runner.running;
  }

  read<K extends QueryKey, R, V>(query: Query<K, R, V>, key: K, subject: Subject): R {
    this.#look();
    return valueOf(this.#resolve({ query: query as unknown as AnyQuery, key }, subject).outcome) as R;
  }

  /**
   * The engine's watches whose result is another one here: what its `apply` would return for the changes. Runs the
   * queries that differ, and no others.
   */
  changed(): Set<Watch> {
    const changed = new Set<Watch>();
    for (const entry of this.#look())
      for (const watch of entry.watches) {
        const now = this.#resolve(entry, watch.subject);
        // A list watches for several subjects, which may part.
        if (seen(now.outcome) !== seen(entry.outcome) || (watch.list && now.signature !== entry.signature))
          changed.add(watch);
      }
    return changed;
  }

  /** Finds which of the engine's results may be different here, again when it has computed more of them. */
  #look(): ReadonlySet<Entry> {
    const { store, runner } = this.#parent;
    if (store.revision !== this.#revision) throw new ForkEnded();
    if (this.#affected?.at !== runner.total)
      this.#affected = { entries: dependentsOf(this.#store.differing()), at: runner.total };
    return this.#affected.entries;
  }

  #resolve(asked: Asked, subject: Subject): Entry {
    const own = this.#results.find(asked, subject);
    if (own) return own;
    const above = this.#parent.results.find(asked, subject, this.#replaced);
    if (!above) return this.#compute(asked, subject);
    if (this.#isShared(above)) return above;
    return this.#stillValid(above, subject) ? this.#adopt(above) : this.#compute(asked, subject, above);
  }

  #isShared(entry: Entry): boolean {
    return entry.state === 'clean' && !this.#affected?.entries.has(entry);
  }

  /** As in the engine, with what the reads are here. */
  #stillValid({ reads, was }: Entry, subject: Subject): boolean {
    return reads.every((read, i) => {
      if (!(read instanceof Entry)) return this.#store.valueOf(read) === was[i];
      const now = this.#isShared(read) ? read : this.#resolve(read, subject);
      return now.signature === read.signature && now.values === read.values && seen(now.outcome) === was[i];
    });
  }

  /** A copy, as the engine may give its own entry another outcome. */
  #adopt({ query, key, signature, values, outcome }: Entry): Entry {
    return this.#results.add(new Entry({ query, key, signature, values, outcome }));
  }

  #compute({ query, key }: Asked, subject: Subject, above?: Entry): Entry {
    const { outcome: fresh, signature } = this.#runner.run({ query, key }, subject);
    const values = subject.valuesOf(signature);
    const own = this.#results.of({ query, key }, signature, values);
    if (own) return own;
    const there = this.#parent.results.of({ query, key }, signature, values);
    if (above && above !== there) this.#replaced.add(above);
    const outcome = reuseOutcome(query, fresh, [there, above]);
    return this.#results.add(new Entry({ query, key, signature, values, outcome }));
  }
}
