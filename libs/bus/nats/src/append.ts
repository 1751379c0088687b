import { messageOf, pause, type Clock } from '@flotilla/std';
import { defaultPartBytes, partsOf, type Entry, type Part } from './entry.ts';
import { outcomeOf, type Fence, type LogEnd, type WriteLog } from './write-log.ts';

export interface AppenderOptions {
  readonly log: WriteLog;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly onProblem: (message: string) => void;
  readonly partBytes?: number;
}
/**
 * Appends an entry behind a fence. Resolves with where it begins, and the fence behind it; throws Overtaken, or when
 * `signal` aborts.
 */
export type Append = (entry: Entry, fence: Fence) => Promise<{ readonly first: number; readonly fence: Fence }>;

/** The log does not end where its writer wrote last: another writes it, or it was lost. */
export class Overtaken extends Error {
  readonly end: LogEnd;
  constructor(end: LogEnd) {
    super('the log does not end where this writer wrote last');
    this.end = end;
  }
}

export const retryMs = { first: 20, most: 500 };

export function createAppender({
  log,
  clock,
  signal,
  onProblem,
  partBytes = defaultPartBytes,
}: AppenderOptions): Append {
  /** Does it until the server answers. */
  async function persist<T>(work: () => Promise<T>): Promise<T> {
    for (let wait = retryMs.first; ; wait = Math.min(wait * 2, retryMs.most)) {
      signal.throwIfAborted();
      try {
        return await work();
      } catch (error) {
        onProblem(messageOf(error));
      }
      await pause(wait, signal, clock);
    }
  }

  /** Appends one part. If the outcome of a request is unknown, finds out before trying again. */
  async function appendPart(part: Part, fence: Fence): Promise<number> {
    let isUnknown = false;
    return persist(async () => {
      if (isUnknown) {
        const end = await log.end();
        const outcome = outcomeOf(part, fence, end);
        if (outcome !== 'open') return outcome === 'stored' ? end.last : end;
      }
      isUnknown = true;
      const stored = await log.append(part, fence);
      if (stored !== 'refused') return stored;
      const end = await log.end();
      return outcomeOf(part, fence, end) === 'stored' ? end.last : end;
    }).then((result) => {
      if (typeof result === 'number') return result;
      throw new Overtaken(result);
    });
  }

  return async (entry, fence) => {
    let first = 0;
    let last = fence;
    for (const part of partsOf(entry, partBytes)) {
      const sequence = await appendPart(part, last);
      last = { last: sequence, own: sequence };
      first ||= sequence;
    }
    return { first, fence: last };
  };
}
