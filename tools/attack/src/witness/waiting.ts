import { readFileSync } from 'node:fs';

/**
 * Milliseconds for which the main thread of a process was ready to run and had no core
 * (Documentation/scheduler/sched-stats.rst); 0 when it is gone.
 */
export const waitedMs = (pid: number | 'thread-self'): number => {
  try {
    const [, waited = '0'] = readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ');
    return Number(waited) / 1e6;
  } catch {
    return 0;
  }
};

const pageBytes = 4096;
/** Resident memory of a process in bytes; undefined when it is gone. */
export const residentBytes = (pid: number): number | undefined => {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * pageBytes;
  } catch {
    return undefined;
  }
};

export interface Timed {
  readonly began: number;
  readonly ended: number;
  readonly ms: number;
  readonly error?: string;
  /** It took all the time that it was given. */
  readonly isLate?: true;
}

/**
 * Runs something within a time and says how long it took, less what this thread and the process it asks waited for a
 * core.
 */
export async function timed(pid: number | undefined, limitMs: number, run: () => Promise<void>): Promise<Timed> {
  const waited = (): number => waitedMs('thread-self') + (pid === undefined ? 0 : waitedMs(pid));
  const [began, start, before] = [Date.now(), performance.now(), waited()];
  const finish = (): Omit<Timed, 'error'> => {
    const took = performance.now() - start;
    return {
      began,
      ended: Date.now(),
      ms: Math.max(0, took - (waited() - before)),
      ...(took >= limitMs ? { isLate: true } : {}),
    };
  };
  try {
    await run();
    return finish();
  } catch (thrown) {
    return { ...finish(), error: thrown instanceof Error ? thrown.message.slice(0, 300) : String(thrown) };
  }
}
