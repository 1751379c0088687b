import { Worker } from 'node:worker_threads';
import type { Order, Sample } from './orders.ts';

/** Watches all processes, and plays those who do nothing wrong, from a thread of its own. */
export class Witness {
  readonly #worker = new Worker(new URL('./worker.ts', import.meta.url));
  readonly #listeners = new Set<() => void>();
  #samples: Sample[] = [];

  constructor() {
    this.#worker.on('message', (sample: Sample) => {
      this.#samples.push(sample);
      for (const listener of this.#listeners) listener();
    });
    this.#worker.unref();
  }

  /** Whom to watch and to play from now on. */
  order(order: Order): void {
    this.#worker.postMessage(order);
  }

  /** What was seen between two times (epoch milliseconds): everything that was under way in between. */
  between(from: number, to: number): readonly Sample[] {
    return this.#samples.filter(({ began, ended }) => ended >= from && began <= to);
  }

  /** Forgets what ended before. */
  forget(before: number): void {
    this.#samples = this.#samples.filter(({ ended }) => ended >= before);
  }

  /** The first sample, seen or to come, that fits; undefined after `limitMs`. */
  async first(fits: (sample: Sample) => boolean, limitMs: number): Promise<Sample | undefined> {
    for (const until = Date.now() + limitMs; ;) {
      const found = this.#samples.find(fits);
      if (found || Date.now() >= until) return found;
      await new Promise<void>((resolve) => {
        const done = (): void => {
          clearTimeout(timer);
          this.#listeners.delete(done);
          resolve();
        };
        const timer = setTimeout(done, until - Date.now());
        this.#listeners.add(done);
      });
    }
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }
}
