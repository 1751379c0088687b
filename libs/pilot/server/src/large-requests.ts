import type { Worker } from './turns.ts';

/** Whether streams of one client have to wait for each other with a request: it may have about 70 names. */
export const isLarge = (request: Buffer | undefined): boolean => request !== undefined && request.length > 4096;

/** A stream's place in the queue of its client. */
export interface Place {
  /** Takes the place, unless the stream has it already. Returns whether it is the first one. */
  take(): boolean;
  /** Whether the stream is in the queue and another one is before it. */
  readonly isBehind: boolean;
  /** Gives the place up, if the stream has one. */
  leave(): void;
}

/**
 * Queues of streams with large requests, one for each client. An answer is held in memory while it is prepared; if all
 * streams of a client prepared theirs in turns, as many answers would be in memory as it has streams.
 */
export class LargeRequests {
  readonly #byClient = new Map<string, Set<Worker>>();
  readonly #wake: (worker: Worker) => void;

  /** `wake` is called for a stream that has become the first one of its queue. */
  constructor(wake: (worker: Worker) => void) {
    this.#wake = wake;
  }

  placeOf(client: string, worker: Worker): Place {
    const isBehind = (): boolean => {
      const queue = this.#byClient.get(client);
      return queue !== undefined && queue.has(worker) && first(queue) !== worker;
    };
    return {
      take: () => {
        const queue = this.#byClient.get(client) ?? new Set();
        this.#byClient.set(client, queue.add(worker));
        return first(queue) === worker;
      },
      get isBehind() {
        return isBehind();
      },
      leave: () => {
        const wasBehind = isBehind();
        const queue = this.#byClient.get(client);
        if (!queue?.delete(worker)) return;
        const next = first(queue);
        if (!next) this.#byClient.delete(client);
        else if (!wasBehind) this.#wake(next);
      },
    };
  }
}

const first = <T>([item]: Iterable<T>): T | undefined => item;
