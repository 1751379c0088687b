import type { Logger, Metrics } from '@flotilla/observability-port';
import { aborted, createBackoff, pause, systemClock, type Clock } from '@flotilla/std';
import { explain, exitCodeOf, hasRemedy, type Runner } from './runners.ts';

export interface SupervisorOptions {
  /** Aborted when the process is to stop; the supervisor aborts it for a mistake that only the user can correct. */
  readonly stop: AbortController;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly clock?: Clock;
  /** Uniform from 0 to 1: spreads restarts. */
  readonly random?: () => number;
  /** How long runners may take to end after the signal; 5 s by default. */
  readonly stopWithinMs?: number;
}

export interface Supervisor {
  /**
   * Runs all runners until `stop` aborts. Resolves with the exit code: 0 when the process was stopped, else that of the
   * mistake that ended it. Runners that have not ended within `stopWithinMs` of the signal are left behind.
   */
  run(): Promise<number>;
  /** Why runners do not run now, `name: reason`; empty when all do. */
  failures(): readonly string[];
}

const restart = { firstMs: 200, mostMs: 30_000 };
/** A runner that has run so long has recovered: its failure is no longer reported, and its backoff starts again. */
const recoveredAfterMs = 10_000;
const defaultStopWithinMs = 5000;

/**
 * Keeps runners running. What one throws costs itself: the others go on, and it is started again.
 *
 *     starting ──started(), or 10 s have passed──▶ running
 *      │  ▲ │                                        │
 *      │  │ └──throws──▶ waiting ◀──throws or ends───┘
 *      │  └──after the backoff──┘
 *      └──throws a mistake with a remedy before it has ever been running──▶ the process ends
 *
 * Waits double from 0.2 s to 30 s, less a random half, and begin again at 0.2 s once the runner is `running` for 10 s.
 * A failed runner is reported from its failure until it is `running` again.
 */
export function createSupervisor(runners: readonly Runner[], options: SupervisorOptions): Supervisor {
  const { stop, log, metrics, clock = systemClock, random = Math.random, stopWithinMs = defaultStopWithinMs } = options;
  const restarts = metrics.counter('runner_restarts_total', 'Restarts of a part of the process that failed.', {
    runner: runners.map(({ name }) => name),
  });
  const failures = new Map<string, string>();
  let exitCode = 0;

  async function keepRunning(runner: Runner): Promise<void> {
    const backoff = createBackoff({ ...restart, random });
    let hasStarted = false;
    while (!stop.signal.aborted) {
      const started = (): void => {
        hasStarted = true;
        failures.delete(runner.name);
      };
      const cancel = clock.after(recoveredAfterMs, () => {
        started();
        backoff.reset();
      });
      const failure = await reasonToRestart(runner, started);
      cancel();
      if (stop.signal.aborted) return;
      if (!hasStarted && hasRemedy(failure)) return endProcess(runner, failure);
      const waitMs = backoff.next();
      failures.set(runner.name, explain(failure));
      restarts.add(1, { runner: runner.name });
      log.error('a part of this process failed and will be started again; the others keep running', {
        part: runner.name,
        reason: explain(failure),
        again: `in ${(waitMs / 1000).toFixed(1)} s`,
      });
      await pause(waitMs, stop.signal, clock);
    }
  }

  async function reasonToRestart(runner: Runner, started: () => void): Promise<unknown> {
    try {
      await runner.run(stop.signal, started);
      return new Error('it ended without being stopped');
    } catch (thrown) {
      return thrown;
    }
  }

  function endProcess({ name }: Runner, mistake: unknown): void {
    exitCode = exitCodeOf(mistake);
    console.error(`${name}: ${explain(mistake)}`);
    stop.abort();
  }

  return {
    async run() {
      const late = new Promise<void>((resolve) =>
        stop.signal.addEventListener('abort', () => setTimeout(resolve, stopWithinMs).unref(), { once: true }),
      );
      await Promise.race([Promise.all([aborted(stop.signal), ...runners.map(keepRunning)]), late]);
      return exitCode;
    },
    failures: () => [...failures].map(([name, reason]) => `${name}: ${reason}`),
  };
}
