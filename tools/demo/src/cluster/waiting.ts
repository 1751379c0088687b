/** Waits for what is told to have changed, without asking in between. */
export interface Waiting {
  /** Something may have changed. */
  wake(): void;
  /**
   * Resolves as soon as `reached` holds. Rejects after `timeoutMs`, or when `signal` aborts, with what `describe` says
   * then.
   */
  until(
    reached: () => boolean,
    options: { readonly timeoutMs: number; readonly signal: AbortSignal; readonly describe: () => string },
  ): Promise<void>;
}

export function createWaiting(): Waiting {
  const waiting = new Set<() => void>();
  const wake = (): void => {
    for (const resolve of waiting) resolve();
  };
  return {
    wake,
    async until(reached, { timeoutMs, signal, describe }) {
      const deadline = setTimeout(wake, timeoutMs);
      const end = Date.now() + timeoutMs;
      signal.addEventListener('abort', wake, { once: true });
      try {
        while (!reached()) {
          if (signal.aborted || Date.now() >= end) throw new Error(describe());
          await new Promise<void>((resolve) => {
            const once = (): void => {
              waiting.delete(once);
              resolve();
            };
            waiting.add(once);
          });
        }
      } finally {
        clearTimeout(deadline);
        signal.removeEventListener('abort', wake);
      }
    },
  };
}
