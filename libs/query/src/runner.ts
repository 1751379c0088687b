import { deepFreeze } from '@flotilla/std';
import type { QueryKey } from './key.ts';
import { Frame } from './frame.ts';
import type { AnyQuery, Entry, Node, Outcome } from './node.ts';
import { Interruption, QueryCycle } from './query.ts';
import type { Asked } from './results.ts';
import type { Cells } from './store.ts';
import type { Signature, Subject } from './subject.ts';

/** How much is computed at once. */
export interface Budget {
  /** About so many runs of queries. */
  readonly runs: number;
  /** Called after each run: whether to stop. For callers that have a clock. */
  readonly isSpent?: () => boolean;
}
export const unlimited: Budget = { runs: Infinity };

export interface RunnerOptions {
  readonly cells: Cells;
  /** Results are made immutable, so that code that changes one fails; for tests, as it costs time. */
  readonly freezes: boolean;
  /** The valid result that a query reads of another one. */
  resolve(query: AnyQuery, key: QueryKey, subject: Subject): Entry;
  /** A run was broken off that has read this. */
  onInterrupted?(reads: Iterable<Node>): void;
}

/** What came of a run: its outcome, and all it depends on. */
export interface Run {
  readonly outcome: Outcome;
  readonly signature: Signature;
  readonly reads: readonly Node[];
  readonly was: readonly unknown[];
}

interface Running extends Asked {
  readonly subject: Subject;
  readonly frame: Frame;
}

/** Runs queries within each other, records what they read, and finds cycles. */
export class Runner {
  readonly #options: RunnerOptions;
  readonly #counts = new Map<string, number>();
  /** What runs at the moment, outermost first. */
  readonly #stack: Running[] = [];
  #total = 0;
  /** Thrown through everything that runs when a piece is over. */
  readonly #interruption = new Interruption();
  /** How many runs are left in this piece, and whether one more was needed. */
  #left = Infinity;
  #isSpent: (() => boolean) | undefined;
  #isInterrupted = false;

  constructor(options: RunnerOptions) {
    this.#options = options;
  }

  get freezes(): boolean {
    return this.#options.freezes;
  }

  /** How often each query ran since the last reset. */
  get counts(): ReadonlyMap<string, number> {
    return this.#counts;
  }

  /** All runs that there ever were. */
  get total(): number {
    return this.#total;
  }

  get running(): readonly string[] {
    return this.#stack.map(textOf);
  }

  resetCounts(): void {
    this.#counts.clear();
  }

  /**
   * Does some work until the budget is spent: queries that have begun by then come to their end if they need no other
   * one, else they are broken off. Returns whether all of it is done. At least one query comes to its end, so
   * that work that keeps results is done after some pieces.
   */
  inPiece({ runs, isSpent }: Budget, work: () => void): boolean {
    this.#left = runs;
    this.#isSpent = isSpent;
    try {
      work();
      return true;
    } catch (thrown) {
      if (thrown !== this.#interruption) throw thrown;
      return false;
    } finally {
      this.#left = Infinity;
      this.#isSpent = undefined;
      this.#isInterrupted = false;
    }
  }

  /** Throws a QueryCycle that closes further up, and in a piece an Interruption; any other failure is the outcome. */
  run({ query, key }: Asked, subject: Subject): Run {
    if (this.#left <= 0) this.#interrupt();
    this.#refuseCycle({ query, key }, subject);
    const frame = new Frame(this.#options, subject);
    const outcome = this.#outcomeOf({ query, key, subject, frame });
    // Whatever it has made of the interruption, it has no outcome.
    if (this.#isInterrupted) {
      this.#options.onInterrupted?.(frame.reads.nodes);
      throw this.#interruption;
    }
    this.#left = this.#isSpent?.() ? 0 : this.#left - 1;
    this.#counts.set(query.name, (this.#counts.get(query.name) ?? 0) + 1);
    this.#total += 1;
    const { signature, reads } = frame;
    // Copies take no more memory than they need.
    return { outcome, signature, reads: reads.nodes.slice(), was: reads.seen.slice() };
  }

  #refuseCycle({ query, key }: Asked, subject: Subject): void {
    for (let depth = 0; depth < this.#stack.length; depth += 1) {
      const running = this.#stack[depth];
      if (running?.query === query && running.key === key && running.subject === subject)
        throw new QueryCycle([...this.#stack, { query, key }].map(textOf), depth);
    }
  }

  #interrupt(): never {
    this.#isInterrupted = true;
    throw this.#interruption;
  }

  #outcomeOf(running: Running): Outcome {
    const depth = this.#stack.length;
    this.#stack.push(running);
    try {
      const value = running.query.run(running.frame as never, running.key);
      if (this.#options.freezes) deepFreeze(value);
      return { value };
    } catch (error) {
      if (this.#isInterrupted || !(error instanceof QueryCycle) || error.closesAt === undefined) return { error };
      if (error.closesAt === depth) {
        error.closesAt = undefined;
        return { error };
      }
      // Queries within a cycle have no outcome of their own: the one at which it closes depends on everything that they
      // have read.
      this.#stack[depth - 1]?.frame.absorb(running.frame);
      throw error;
    } finally {
      this.#stack.pop();
      running.frame.close();
    }
  }
}

const textOf = ({ query, key }: Asked): string => `${query.name}(${key})`;
