/** Time as a dependency, so that tests own it. Times are milliseconds since the Unix epoch. */
export interface Clock {
  now(): number;
  /** Calls back once after `ms`; the returned function cancels. */
  after(ms: number, callback: () => void): () => void;
}

/** About 24.8 days: what is beyond that Node takes for no time at all (Node's documentation, setTimeout). */
const longestTimer = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  after(ms, callback) {
    let timer: NodeJS.Timeout;
    const wait = (left: number): void => {
      timer =
        left <= longestTimer ? setTimeout(callback, left) : setTimeout(() => wait(left - longestTimer), longestTimer);
    };
    wait(ms);
    return () => clearTimeout(timer);
  },
};

/**
 * A monotonic clock: the system time at the start of the process, plus the time that has passed since. For durations,
 * which an adjusted system clock would falsify.
 */
export const steadyClock: Clock = { ...systemClock, now: () => performance.timeOrigin + performance.now() };

/** Resolves after `ms` (Infinity: not by itself) or when the signal aborts. */
export const pause = (ms: number, signal?: AbortSignal, clock: Clock = systemClock): Promise<void> =>
  new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = (): void => {
      cancel();
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const cancel = ms === Infinity ? () => {} : clock.after(ms, done);
    signal?.addEventListener('abort', done, { once: true });
  });
