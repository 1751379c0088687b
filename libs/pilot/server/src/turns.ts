/** Something with work that comes in pieces. */
export interface Worker {
  /** Does one piece, if there is one; returns whether there is another that can be done now. */
  work(): boolean;
}

export interface TurnsOptions {
  /** Calls back once everything else that is due has had its turn: timers, connections, health. */
  readonly later: (turn: () => void) => void;
  /** Milliseconds; only differences are of interest. */
  readonly now: () => number;
  /** How long a turn goes on, as far as pieces allow. */
  readonly turnMs: number;
  /** How many pieces a worker does before the next one is let in. */
  readonly piecesPerVisit: number;
}
const defaults: TurnsOptions = {
  later: (turn) => void setImmediate(turn),
  now: () => performance.now(),
  turnMs: 10,
  piecesPerVisit: 4,
};

/**
 * Shares one thread among workers, so that one with a backlog delays another by a few pieces at most, and all of them
 * together delay everything else in the process by one turn.
 */
export class Turns {
  readonly #options: TurnsOptions;
  /** In the order in which they are let in. */
  readonly #waiting = new Set<Worker>();
  #isPlanned = false;

  constructor(options: Partial<TurnsOptions> = {}) {
    this.#options = { ...defaults, ...options };
  }

  /** Lets a worker in, if it isn't waiting already. */
  add(worker: Worker): void {
    this.#waiting.add(worker);
    this.#plan();
  }

  #plan(): void {
    if (this.#isPlanned || this.#waiting.size === 0) return;
    this.#isPlanned = true;
    this.#options.later(() => {
      this.#isPlanned = false;
      this.#turn();
      this.#plan();
    });
  }

  #turn(): void {
    const { now, turnMs, piecesPerVisit } = this.#options;
    const end = now() + turnMs;
    for (const worker of this.#waiting) {
      this.#waiting.delete(worker);
      let hasMore = true;
      for (let pieces = 0; hasMore && pieces < piecesPerVisit && now() < end; pieces += 1) hasMore = worker.work();
      if (hasMore) this.#waiting.add(worker);
      if (now() >= end) return;
    }
  }
}
