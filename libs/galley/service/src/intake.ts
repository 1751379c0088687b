import type { Source } from '@flotilla/galley-sources';
import type { SourceChange } from '@flotilla/model';
import type { Logger } from '@flotilla/observability-port';
import { messageOf, pause, type Clock } from '@flotilla/std';

export interface IntakeOptions {
  readonly sources: readonly Source[];
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly log: Logger;
  /** A run of a source begins. */
  readonly begin: (source: string) => void;
  /** Takes a step; the source reads on when it has ended. What it rejects with ends the intake. */
  readonly take: (source: string, changes: readonly SourceChange[]) => Promise<void>;
  readonly inTurn: InTurn;
}
/** Runs a step when those before it have ended, and resolves or rejects as it does. */
export type InTurn = (step: () => Promise<void>) => Promise<void>;

export function createTurns(): InTurn {
  let last = Promise.resolve();
  return (step) => {
    const turn = last.then(step);
    // Who waits for the step sees its failure.
    last = turn.catch(() => {});
    return turn;
  };
}

/** A source that failed is run again after this long, then after twice as long, and so on. */
const [firstRetryMs, longestRetryMs] = [1000, 30_000];

/**
 * Runs all sources, one step at a time. A source that fails is away, and is run again. Resolves when all have ended or
 * the signal aborts; rejects when a step does, after all have ended.
 */
export async function runSources(options: IntakeOptions): Promise<void> {
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  const ends = options.sources.map((source) =>
    follow(source, { ...options, signal }).catch((thrown: unknown) => {
      stop.abort();
      throw thrown;
    }),
  );
  await Promise.allSettled(ends);
  await Promise.all(ends);
}

async function follow(source: Source, options: IntakeOptions): Promise<void> {
  const { signal, clock, log, begin, take, inTurn } = options;
  for (let retryMs = firstRetryMs; !signal.aborted; retryMs = Math.min(retryMs * 2, longestRetryMs)) {
    begin(source.name);
    const steps = source.run(signal)[Symbol.asyncIterator]();
    let readAt = clock.now();
    const next = async (): Promise<readonly SourceChange[] | Failure | undefined> => {
      try {
        const { done, value } = await steps.next();
        return done ? undefined : value;
      } catch (thrown) {
        return new Failure(messageOf(thrown));
      }
    };
    try {
      for (;;) {
        const step = await next();
        if (step === undefined || signal.aborted) return;
        if (step instanceof Failure) {
          log.error('a source failed and is started again', {
            source: source.name,
            problem: step.reason,
            after: retryMs,
          });
          const away = { type: 'away', since: readAt, reason: step.reason } as const;
          await inTurn(() => take(source.name, [{ cause: source.name, readAt: clock.now(), events: [away] }]));
          break;
        }
        readAt = clock.now();
        await inTurn(() => take(source.name, step));
        retryMs = firstRetryMs;
      }
    } finally {
      await steps.return?.();
    }
    await pause(retryMs, signal, clock);
  }
}

/** What a source's run ended with. */
class Failure {
  readonly reason: string;

  constructor(reason: string) {
    this.reason = reason;
  }
}
