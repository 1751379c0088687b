import type { AppearedProblem } from '@flotilla/galley-pipeline';
import type { Problem } from '@flotilla/model';
import { createLimits, type Observability } from '@flotilla/observability-port';

/** Far more than there are codes of problems. */
const maxReasons = 100;

/** How many of the problems that appear together are logged for each code; /debug/problems has the others. */
const maxLogged = 20;

/** Problems with texts that exceed a limit. */
const ofText: ReadonlySet<string> = new Set(['over-limit', 'too-large']);

/** Logs problems under the scope `validation`, and counts galley_validation_failed. */
export interface ProblemLog {
  /** Those that have appeared. */
  tell(problems: readonly AppearedProblem[]): void;
  /** Why the bus has less than galley: once, when it appears. */
  tellOfBus(problem: Problem | undefined): void;
}

export function createProblemLog({ log: root, metrics }: Observability): ProblemLog {
  const log = root.scope('validation');
  const failed = metrics.counter('galley_validation_failed', 'Resources that failed validation.', {
    reason: { atMost: maxReasons },
  });
  const limitHit = createLimits(metrics, ['text']);
  let ofBus: string | undefined;
  const tell = (problems: readonly AppearedProblem[]): void => {
    const counts = new Map<string, number>();
    for (const { level, code, write } of problems) {
      if (level === 'error') failed.add(1, { reason: code });
      if (ofText.has(code)) limitHit('text');
      const count = (counts.get(code) ?? 0) + 1;
      counts.set(code, count);
      if (count > maxLogged) continue;
      const { message, origin, resource, path } = write();
      log[level === 'error' ? 'error' : level === 'warning' ? 'warn' : 'info'](message, {
        origin,
        resource,
        path,
        code,
      });
    }
    for (const [code, count] of counts)
      if (count > maxLogged) log.warn(`${count - maxLogged} more like this, see /debug/problems`, { code });
  };
  return {
    tell,
    tellOfBus(problem) {
      if (problem && problem.message !== ofBus) tell([{ ...problem, write: () => problem }]);
      ofBus = problem?.message;
    },
  };
}
