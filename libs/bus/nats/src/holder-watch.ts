import type { Clock } from '@flotilla/std';
import type { WriteLog } from './write-log.ts';

const maxPatienceMs = 60_000;

/** Decides when the holder of the log is gone: when it has not answered for the lease. */
export class HolderWatch {
  readonly #log: Pick<WriteLog, 'answers'>;
  readonly #clock: Clock;
  readonly #leaseMs: number;
  #patienceMs: number;
  #silence: { readonly term: string; readonly since: number } | undefined;

  constructor(log: Pick<WriteLog, 'answers'>, clock: Clock, leaseMs: number) {
    [this.#log, this.#clock, this.#leaseMs, this.#patienceMs] = [log, clock, leaseMs, leaseMs];
  }

  /** Sends the holder of a term a request. Rejects while the server is away. */
  async isGone(term: string): Promise<boolean> {
    if (await this.#log.answers(term)) {
      [this.#silence, this.#patienceMs] = [undefined, this.#leaseMs];
      return false;
    }
    if (this.#silence?.term !== term) this.#silence = { term, since: this.#clock.now() };
    return this.#clock.now() - this.#silence.since >= this.#patienceMs;
  }

  /** Silence is counted from the beginning, since a request that failed proves nothing about the holder. */
  reset(): void {
    this.#silence = undefined;
  }

  /** A holder that was taken for gone has taken the log back, so it is the requests that fail: waits longer. */
  waitLonger(): void {
    this.#patienceMs = Math.min(this.#patienceMs * 2, maxPatienceMs);
  }
}
