import { closeSync, constants, fstatSync, openSync, writeSync } from 'node:fs';

/** Writes a line, with its end; false when it was not taken. */
export type LogSink = (line: string) => boolean;

/** How long a reader may take for the first line that does not fit; the next ones wait for nobody. */
const patienceMs = 200;

/**
 * Writes to standard error at once, so that the last line before a crash is there. Where that is a pipe or a terminal
 * that nobody reads, lines are refused instead of holding up the process. Lines of at most PIPE_BUF bytes are taken
 * whole or not at all.
 */
export function createStandardErrorSink(): LogSink {
  const file = withoutWaiting(2) ?? 2;
  let isStalled = false;
  const write = (line: string): boolean => {
    try {
      writeSync(file, line);
      return true;
    } catch {
      return false;
    }
  };
  return (line) => {
    let isWritten = write(line);
    for (let ms = 0; !isWritten && !isStalled && ms < patienceMs; ms += 1) {
      sleep(1);
      isWritten = write(line);
    }
    isStalled = !isWritten;
    return isWritten;
  };
}

const never = new Int32Array(new SharedArrayBuffer(4));
const sleep = (ms: number): void => void Atomics.wait(never, 0, 0, ms);

/**
 * A second way to the same pipe or terminal that does not wait, which the first, shared with other processes, must not
 * become. Files need none, and a socket can't be opened again.
 */
export function withoutWaiting(file: number): number | undefined {
  let opened: number | undefined;
  try {
    const stats = fstatSync(file);
    if (!stats.isFIFO() && !stats.isCharacterDevice()) return undefined;
    opened = openSync(`/proc/self/fd/${file}`, constants.O_WRONLY | constants.O_NONBLOCK);
    const again = fstatSync(opened);
    if (again.ino === stats.ino && again.dev === stats.dev) return opened;
    closeSync(opened);
  } catch {
    // No /proc, or not ours to open.
  }
  return undefined;
}
