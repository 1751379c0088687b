import type { Problem } from '@flotilla/model';
import type { Observability } from '@flotilla/observability-port';

/** Far more than there are codes of problems. */
const maxReasons = 100;

const keyOf = ({ origin, resource, path, message }: Problem): string => JSON.stringify([origin, resource, path, message]);

/** Tells of each problem once, when it appears and again after it was gone, under the scope `validation`; counts galley_validation_failed. */
export function createProblemLog({ log: root, metrics }: Observability): { tell(problems: readonly Problem[]): void } {
  const log = root.scope('validation');
  const failed = metrics.counter('galley_validation_failed', 'Resources that failed validation.', { reason: { atMost: maxReasons } });
  let told: ReadonlySet<string> = new Set();
  return {
    tell(problems) {
      for (const problem of problems.filter((one) => !told.has(keyOf(one)))) {
        const { level, message, origin, resource, path, code } = problem;
        if (level === 'error') failed.add(1, { reason: code });
        log[level === 'error' ? 'error' : level === 'warning' ? 'warn' : 'info'](message, { origin, resource, path, code });
      }
      told = new Set(problems.map(keyOf));
    },
  };
}

/** What /debug/problems answers. */
export const problemsPage = (problems: readonly Problem[]): { readonly contentType: string; readonly text: string } =>
  ({ contentType: 'application/json', text: `${JSON.stringify({ problems }, null, 2)}\n` });
