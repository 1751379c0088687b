import { messageOf } from '@flotilla/std';

/** Something that runs until the signal aborts. */
export interface Runner { readonly name: string; run(signal: AbortSignal): Promise<void> }

const remedies: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another process uses this address; stop it or choose another with --bind',
  EADDRNOTAVAIL: 'this machine has no such address; choose another with --bind',
  EACCES: 'permission denied; run as a user who may',
  ENOENT: 'there is no such file or folder',
};

/** One sentence for what went wrong, with what to do where that is known. */
export function explain(thrown: unknown): string {
  const remedy = remedies[(thrown as NodeJS.ErrnoException | undefined)?.code ?? ''];
  return remedy ? `${messageOf(thrown)}: ${remedy}` : messageOf(thrown);
}

/**
 * Runs all until one fails or the process is told to stop, then stops the others. Resolves with the exit code: 0 after SIGINT or SIGTERM, 2 for a
 * mistake of the user's that has a remedy, 1 for anything else. Who doesn't stop in time is left behind.
 */
export async function runAll(runners: readonly Runner[], options: { readonly stopWithinMs?: number } = {}): Promise<number> {
  const stop = new AbortController();
  const onSignal = (): void => stop.abort();
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  let code = 0;
  const all = runners.map(async ({ name, run }) => {
    try {
      await run(stop.signal);
    } catch (thrown) {
      if (!stop.signal.aborted) {
        code = remedies[(thrown as NodeJS.ErrnoException).code ?? ''] ? 2 : 1;
        console.error(`${name}: ${explain(thrown)}`);
      }
      stop.abort();
    }
  });
  const stopped = new Promise<void>((resolve) => stop.signal.addEventListener('abort', () => setTimeout(resolve, options.stopWithinMs ?? 5000).unref(), { once: true }));
  await Promise.race([Promise.all(all), stopped]);
  process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  return code;
}
