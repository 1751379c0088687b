import { systemClock, type Clock } from '@flotilla/std';

const repeatMs = 60_000;

/** Passes a message on when it differs from the last one, and a repeated one once a minute with how often it came. */
export function withoutRepeats(
  report: (message: string) => void,
  clock: Clock = systemClock,
): (message: string) => void {
  let last = { message: '', at: -Infinity, repeats: 0 };
  return (message) => {
    const now = clock.now();
    if (message === last.message && now - last.at < repeatMs) {
      last.repeats += 1;
      return;
    }
    report(message === last.message && last.repeats > 0 ? `${message} (${last.repeats + 1} times)` : message);
    last = { message, at: now, repeats: 0 };
  };
}
