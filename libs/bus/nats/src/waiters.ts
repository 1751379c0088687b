/** Those who wait until the log holds a version of the state. */
export interface Waiters {
  /** Resolves when `release` reaches the version; rejects when the signal aborts. */
  wait(version: number, signal: AbortSignal): Promise<void>;
  /** Lets those go who wait for this version or an earlier one. */
  release(version: number): void;
}

export function createWaiters(): Waiters {
  let waiting: { readonly version: number; resolve(value: null): void }[] = [];
  return {
    async wait(version, signal) {
      signal.throwIfAborted();
      const { promise, resolve, reject } = Promise.withResolvers<null>();
      const one = { version, resolve };
      const onAbort = (): void => reject(signal.reason as Error);
      signal.addEventListener('abort', onAbort);
      waiting.push(one);
      try {
        await promise;
      } finally {
        signal.removeEventListener('abort', onAbort);
        waiting = waiting.filter((other) => other !== one);
      }
    },
    release(version) {
      for (const one of waiting) if (one.version <= version) one.resolve(null);
    },
  };
}
