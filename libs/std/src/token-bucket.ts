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
   * Takes tokens, by default one, from the bucket of the key and returns 0; if it has fewer, takes none and returns the
   * milliseconds until it has enough. A number above the burst is treated as the burst.
   */
  take(key: string, tokens?: number): number;
  /** Returns one token to the bucket of the key. */
  give(key: string): void;
}

/** Token buckets by key. After the clock was set back, a bucket is at most empty: no key waits for the old time. */
export function createTokenBuckets({ perSecond, burst, clock, maxKeys = 10_000 }: TokenBucketOptions): TokenBuckets {
  const interval = 1000 / perSecond;
  /** When each bucket will be full again. */
  const fullAt = new Lru<number>(maxKeys);
  const stateOf = (key: string, tokens: number): { readonly full: number; readonly wait: number } => {
    const now = clock.now();
    const full = Math.max(now, Math.min(fullAt.get(key) ?? now, now + burst * interval));
    // Less than a microsecond is rounding.
    return { full, wait: Math.max(0, Math.ceil(full - now - (burst - tokens) * interval - 0.001)) };
  };
  return {
    take(key, wanted = 1) {
      const tokens = Math.min(wanted, burst);
      const { full, wait } = stateOf(key, tokens);
      fullAt.set(key, wait === 0 ? full + tokens * interval : full, 1);
      return wait;
    },
    give(key) {
      const full = fullAt.get(key);
      if (full !== undefined) fullAt.set(key, full - interval, 1);
    },
  };
}
