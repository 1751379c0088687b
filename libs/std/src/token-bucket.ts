import type { Clock } from './clock.ts';
import { Lru } from './lru.ts';

export interface TokenBucketOptions {
  /** Tokens that are added per second. */
  readonly perSecond: number;
  /** Tokens in a full bucket: the most that can be taken at once. */
  readonly burst: number;
  readonly clock: Pick<Clock, 'now'>;
  /** Keys that are remembered; the least recently used key is dropped and starts again with a full bucket. */
  readonly maxKeys?: number;
}

/** A rate limit for each of many keys. */
export interface TokenBuckets {
  /**
   * Takes one token from the bucket of the key and returns 0; returns the milliseconds until there is a token if the
   * bucket is empty.
   */
  take(key: string): number;
}

/** Token buckets by key. After the clock was set back, a bucket is at most empty: no key waits for the old time. */
export function createTokenBuckets({ perSecond, burst, clock, maxKeys = 10_000 }: TokenBucketOptions): TokenBuckets {
  const interval = 1000 / perSecond;
  /** When each bucket will be full again. */
  const fullAt = new Lru<number>(maxKeys);
  const stateOf = (key: string): { readonly full: number; readonly wait: number } => {
    const now = clock.now();
    const full = Math.max(now, Math.min(fullAt.get(key) ?? now, now + burst * interval));
    // Less than a microsecond is rounding.
    return { full, wait: Math.max(0, Math.ceil(full - now - (burst - 1) * interval - 0.001)) };
  };
  return {
    take(key) {
      const { full, wait } = stateOf(key);
      fullAt.set(key, wait === 0 ? full + interval : full, 1);
      return wait;
    },
  };
}
