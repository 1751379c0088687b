import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Socket } from 'node:net';

export interface TemporaryFolder {
  readonly path: string;
  /**
   * A pipe to the process that removes the folder, which it does once nobody has this end open any more. A child that
   * gets it as one of its `stdio` keeps the folder for as long as it runs.
   */
  readonly lifeline: Socket;
  /** Leaves the folder where it is, when this process ends as well. */
  keep(): void;
}

/** Waits for the end of standard input, then removes $1. What still writes there when its parent has ended gets 5 s. */
const removeScript = `
read -r word; [ "$word" = keep ] && exit
for attempt in 1 2 3 4 5; do
  [ -e "$1" ] || exit 0
  find "$1" -xdev -depth -delete 2>/dev/null && exit 0
  sleep 1
done
echo "$1 could not be removed" >&2`;

/**
 * Creates a folder with this prefix among the temporary files. It is removed when this process ends, in whatever way:
 * on exit by itself, and after SIGKILL by a shell, which has standard error open until then. `as` is a command that
 * runs that shell with more rights.
 */
export function createTemporaryFolder(prefix: string, as: readonly string[] = []): TemporaryFolder {
  const path = mkdtempSync(join(tmpdir(), prefix));
  const [program = '', ...args] = [...as, 'sh', '-c', removeScript, 'sh', path];
  // A session of its own, so that Ctrl-C and a closed terminal do not reach it.
  const remover = spawn(program, args, { stdio: ['pipe', 'ignore', 'inherit'], detached: true });
  const lifeline = remover.stdin as Socket;
  remover.unref();
  lifeline.unref();
  // A remover that could not be started leaves the folder to the end of this process.
  remover.on('error', () => undefined);
  lifeline.on('error', () => undefined);
  const remove = (): void => rmSync(path, { recursive: true, force: true, maxRetries: 2 });
  if (as.length === 0) process.once('exit', remove);
  return {
    path,
    lifeline,
    keep() {
      process.off('exit', remove);
      lifeline.end('keep\n');
    },
  };
}

/**
 * From now on everything that this process and its children put among the temporary files is in a folder that is
 * removed when this process ends.
 */
export function useTemporaryFolder(prefix: string): void {
  process.env['TMPDIR'] = createTemporaryFolder(prefix).path;
}
