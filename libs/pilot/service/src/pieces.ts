import type { Budget, Engine } from '@flotilla/query';

/** Runs of queries per piece, a few dozen microseconds each; a piece ends sooner when its time is up. */
const limits = { runs: 2000, ms: 25 } as const;
/** Results, and their reads, that are evicted at once: about ten milliseconds. */
const evictedAtOnce = 50_000;

/**
 * How much is computed at once before everything else in the process has its turn. Its time begins with its first run,
 * so the time that a piece needs to get back to where the last one stopped is not included.
 */
export function piece(now: () => number = () => performance.now()): Budget {
  let end: number | undefined;
  return { runs: limits.runs, isSpent: () => now() >= (end ??= now() + limits.ms) };
}

/** Returns a function that makes an engine evict unused results, soon and in slices. */
export function createCollector(engine: Engine): () => void {
  let isPlanned = false;
  const plan = (): void => {
    if (isPlanned) return;
    isPlanned = true;
    setImmediate(() => {
      isPlanned = false;
      if (!engine.collect(evictedAtOnce)) plan();
    });
  };
  return plan;
}
