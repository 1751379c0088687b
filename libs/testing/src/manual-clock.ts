import type { Clock } from '@flotilla/std';

export interface ManualClock extends Clock {
  /** Lets time pass: what falls due is called in order, and sees the time that it was set for. */
  advance(ms: number): void;
}

/** A clock that stands still until it is moved on. */
export function createManualClock(start = 0): ManualClock {
  let now = start;
  const due = new Set<{ readonly at: number; readonly callback: () => void }>();
  return {
    now: () => now,
    after(ms, callback) {
      const timer = { at: now + ms, callback };
      due.add(timer);
      return () => void due.delete(timer);
    },
    advance(ms) {
      const until = now + ms;
      for (;;) {
        const [next] = [...due].filter(({ at }) => at <= until).sort((a, b) => a.at - b.at);
        if (!next) break;
        due.delete(next);
        now = next.at;
        next.callback();
      }
      now = until;
    },
  };
}
