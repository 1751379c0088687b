import { maxMessage, messageOf, printable } from '@flotilla/std';

/** A part of a process that runs until the signal aborts. */
export interface Runner {
  readonly name: string;
  /**
   * Resolves when the signal has aborted; throws what keeps it from running. It may be called again after that, and
   * then starts over. A runner that opens a port calls `started` once it is open; any other is taken as started after
   * 10 s. An error with a remedy that comes before the first start is a mistake of the user's, and ends the process.
   */
  run(signal: AbortSignal, started: () => void): Promise<void>;
}

const remedies: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another process uses this address; stop it or choose another with --bind',
  EADDRNOTAVAIL: 'this machine has no such address; choose another with --bind',
  EACCES: 'permission denied; run as a user with that permission',
  ENOENT: 'there is no such file or folder',
};
const remedyFor = (thrown: unknown): string | undefined =>
  remedies[(thrown as NodeJS.ErrnoException | undefined)?.code ?? ''];

/** One printable line for what went wrong, with what to do where that is known. */
export function explain(thrown: unknown): string {
  const remedy = remedyFor(thrown);
  const message = printable(messageOf(thrown), maxMessage);
  return remedy ? `${message}: ${remedy}` : message;
}

/** Whether it is a mistake of the user's, which only the user can correct. */
export const hasRemedy = (thrown: unknown): boolean => remedyFor(thrown) !== undefined;

/** 2 for a mistake of the user's that has a remedy, 1 for anything else. */
export const exitCodeOf = (thrown: unknown): number => (hasRemedy(thrown) ? 2 : 1);
