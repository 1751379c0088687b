import type { ChildProcess } from 'node:child_process';
import { messageOf, pause } from '@flotilla/std';

/** How the server is checked after its first answer. */
export interface Checks {
  readonly everyMs: number;
  /** Time limit for each answer. */
  readonly withinMs: number;
  /** The server is ended after this many missed answers in a row. */
  readonly misses: number;
}

export interface WatchOptions {
  /** Resolves when the server answers; rejects when it does not. */
  readonly greet: () => Promise<void>;
  readonly checks: Pick<Checks, 'everyMs' | 'misses'>;
  /** Aborts when the process has ended. */
  readonly ended: AbortSignal;
  /** Aborts when the process has to stop. */
  readonly stop: AbortSignal;
  /** Called with each answer. */
  readonly onAnswer: (isFirst: boolean) => void;
}

const startPollMs = 50;
const startLimitMs = 60_000;

/** Resolves when the process has ended or has to stop. When it does not answer, kills it and throws. */
export async function watchServer(
  child: ChildProcess,
  { greet, checks: { everyMs, misses }, ended, stop, onAnswer }: WatchOptions,
): Promise<void> {
  const over = AbortSignal.any([ended, stop]);
  const startedAt = performance.now();
  let hasAnswered = false;
  let missed = 0;
  while (!over.aborted) {
    try {
      await greet();
      if (over.aborted) return;
      onAnswer(!hasAnswered);
      hasAnswered = true;
      missed = 0;
    } catch (thrown) {
      missed += 1;
      const isLate = hasAnswered ? missed >= misses : performance.now() - startedAt > startLimitMs;
      if (!over.aborted && isLate) {
        child.kill('SIGKILL');
        throw new Error(`nats-server does not answer: ${messageOf(thrown)}`);
      }
    }
    await pause(hasAnswered ? everyMs : startPollMs, over);
  }
}
