export interface BackoffOptions {
  readonly firstMs: number;
  readonly mostMs: number;
  /** Uniform from 0 to 1, such as Math.random: spreads the retries of many clients. */
  readonly random: () => number;
}

export interface Backoff {
  /** How long to wait before the next attempt: doubled at each call up to `mostMs`, less a random half. */
  next(): number;
  /** After a success: the next wait is short again. */
  reset(): void;
}

export function createBackoff({ firstMs, mostMs, random }: BackoffOptions): Backoff {
  let bound = firstMs;
  return {
    next() {
      const wait = bound * (0.5 + random() / 2);
      bound = Math.min(bound * 2, mostMs);
      return wait;
    },
    reset: () => void (bound = firstMs),
  };
}
