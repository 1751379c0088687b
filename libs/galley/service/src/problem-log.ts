import type { Problem } from '@flotilla/model';
import type { Observability } from '@flotilla/observability-port';
import { sortedBy } from '@flotilla/std';

/** Far more than there are codes of problems. */
const maxReasons = 100;

const keyOf = ({ origin, resource, path, message }: Problem): string =>
  JSON.stringify([origin, resource, path, message]);

/**
 * Tells of each problem once, when it appears and again after it was gone, under the scope `validation`; counts
 * galley_validation_failed.
 */
export function createProblemLog({ log: root, metrics }: Observability): { tell(problems: readonly Problem[]): void } {
  const log = root.scope('validation');
  const failed = metrics.counter('galley_validation_failed', 'Resources that failed validation.', {
    reason: { atMost: maxReasons },
  });
  let told: ReadonlySet<string> = new Set();
  return {
    tell(problems) {
      for (const problem of problems.filter((one) => !told.has(keyOf(one)))) {
        const { level, message, origin, resource, path, code } = problem;
        if (level === 'error') failed.add(1, { reason: code });
        log[level === 'error' ? 'error' : level === 'warning' ? 'warn' : 'info'](message, {
          origin,
          resource,
          path,
          code,
        });
      }
      told = new Set(problems.map(keyOf));
    },
  };
}

/** The page is made in one go: the first so many, errors before warnings, are enough to begin with. */
const maxShown = 1000;
const order = ['error', 'warning', 'info'] as const;

/** What /debug/problems answers; `more` says how many problems it does not show. */
export function problemsPage(problems: readonly Problem[]): { readonly contentType: string; readonly text: string } {
  const shown =
    problems.length <= maxShown ? problems : sortedBy(problems, ({ level }) => order.indexOf(level)).slice(0, maxShown);
  const more = problems.length - shown.length;
  return {
    contentType: 'application/json',
    text: `${JSON.stringify({ problems: shown, ...(more > 0 ? { more } : {}) }, null, 2)}\n`,
  };
}
