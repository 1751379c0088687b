import { setTimeout as pause } from 'node:timers/promises';
import type { MeshProblem } from './demo-mesh.ts';

export interface DescribedProblem {
  readonly level: string;
  readonly origin?: string | undefined;
  readonly path?: string | undefined;
  readonly message: string;
}

/** A problem in one sentence: `error: mesh.yaml:3:5 spec.hosts: expected a list`. */
export const describeProblem = ({ level, origin = '', path, message }: DescribedProblem): string =>
  `${level}: ${origin}${path ? ` ${path}` : ''}: ${message}`;

/** Says what is wrong with the configuration, each problem once, and what is no longer wrong. */
export interface ProblemLog {
  /** Takes all problems that there are now, and says what has changed since the last call. */
  update(problems: readonly MeshProblem[]): void;
}

export function createProblemLog(say: (line: string) => void): ProblemLog {
  let known: ReadonlySet<string> = new Set();
  return {
    update(problems) {
      const now = new Set(problems.map(({ text }) => text));
      for (const text of now) if (!known.has(text)) say(`  ${text}`);
      for (const text of known) if (!now.has(text)) say(`  solved: ${text}`);
      known = now;
    },
  };
}

const pollMs = 1000;

export interface ProblemSource {
  /** Rejects while galley is away. */
  readonly problems: () => Promise<readonly MeshProblem[]>;
  readonly signal: AbortSignal;
}

/**
 * Updates the log with the problems that the source has, about once a second, until `signal` aborts. Says nothing while
 * galley is away. Never rejects.
 */
export async function followProblems(log: ProblemLog, { problems, signal }: ProblemSource): Promise<void> {
  while (!signal.aborted) {
    await problems()
      .then((found) => log.update(found))
      .catch(() => {});
    await pause(pollMs, undefined, { signal }).catch(() => {});
  }
}
