import type { Fields, Logger } from '@flotilla/observability-port';
import type { Clock } from '@flotilla/std';

const firstMs = 10_000;
const mostMs = 600_000;
/** What failed so long ago has nothing to do with what fails now. */
const overMs = 60_000;

/**
 * Says what a service waits for, and what to do, as often as it helps: at once, then after 10 s, 20 s and so on up to
 * every 10 minutes, however often an attempt fails meanwhile.
 */
export function createWaiting(log: Logger, clock: Clock): (message: string, fields: Fields) => void {
  let [last, next, interval] = [-Infinity, -Infinity, firstMs];
  return (message, fields) => {
    const now = clock.now();
    if (now - last > overMs) [next, interval] = [now, firstMs];
    last = now;
    if (now < next) return;
    log.warn(message, fields);
    next = now + interval;
    interval = Math.min(interval * 2, mostMs);
  };
}
