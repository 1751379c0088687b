import type { Clock } from '@flotilla/std';

const intervalMs = 1000;

/**
 * Reports every second how much time has passed, until stopped. A process that was stopped or starved takes at most two
 * seconds for passed: its peers could not be heard meanwhile and must not be blamed.
 */
export function startTicks(clock: Clock, onTick: (elapsedMs: number) => void): () => void {
  let last = clock.now();
  let cancel = (): void => {};
  const wait = (): void => {
    cancel = clock.after(intervalMs, () => {
      const now = clock.now();
      const elapsed = Math.min(Math.max(now - last, intervalMs), 2 * intervalMs);
      last = now;
      wait();
      onTick(elapsed);
    });
  };
  wait();
  return () => cancel();
}

/** Deadlines in the time of ticks. */
export class Deadlines {
  readonly #open = new Set<{ left: number; readonly expire: () => void }>();

  /** Calls back once when `ms` have passed; the returned function cancels. */
  after(ms: number, expire: () => void): () => void {
    const deadline = { left: ms, expire };
    this.#open.add(deadline);
    return () => void this.#open.delete(deadline);
  }

  advance(ms: number): void {
    for (const deadline of this.#open) {
      deadline.left -= ms;
      if (deadline.left > 0) continue;
      this.#open.delete(deadline);
      deadline.expire();
    }
  }
}
