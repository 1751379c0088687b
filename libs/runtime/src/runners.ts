import { maxMessage, messageOf, printable } from '@flotilla/std';

/** Something that runs until the signal aborts. */
export interface Runner {
  readonly name: string;
  run(signal: AbortSignal): Promise<void>;
}

const remedies: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another process uses this address; stop it or choose another with --bind',
  EADDRNOTAVAIL: 'this machine has no such address; choose another with --bind',
  EACCES: 'permission denied; run as a user with that permission',
  ENOENT: 'there is no such file or folder',
};

/** One printable line for what went wrong, with what to do where that is known. */
export function explain(thrown: unknown): string {
  const remedy = remedies[(thrown as NodeJS.ErrnoException | undefined)?.code ?? ''];
  const message = printable(messageOf(thrown), maxMessage);
  return remedy ? `${message}: ${remedy}` : message;
}

/** 2 for a mistake of the user's that has a remedy, 1 for anything else. */
export const exitCodeOf = (thrown: unknown): number =>
  remedies[(thrown as NodeJS.ErrnoException | undefined)?.code ?? ''] ? 2 : 1;

/**
 * Runs all until one fails or `stop` aborts, then stops the others. Resolves with the exit code: 0 when told to stop,
 * else what the failure has. Who doesn't stop in time is left behind.
 */
export async function runAll(runners: readonly Runner[], stop: AbortController, stopWithinMs = 5000): Promise<number> {
  let code = 0;
  const all = runners.map(async ({ name, run }) => {
    try {
      await run(stop.signal);
    } catch (thrown) {
      if (!stop.signal.aborted) {
        code = exitCodeOf(thrown);
        console.error(`${name}: ${explain(thrown)}`);
      }
      stop.abort();
    }
  });
  const late = new Promise<void>((resolve) =>
    stop.signal.addEventListener('abort', () => setTimeout(resolve, stopWithinMs).unref(), { once: true }),
  );
  await Promise.race([Promise.all(all), late]);
  return code;
}
