import { setTimeout as pause } from 'node:timers/promises';
import { Broken, patience } from '../../attack.ts';
import type { Mesh } from '../../mesh/attacked-mesh.ts';

export interface Problem {
  readonly code?: string;
  readonly message?: string;
  readonly origin?: string;
  readonly path?: string;
  readonly resource?: string;
}

export const problemsOf = async (mesh: Mesh): Promise<readonly Problem[]> =>
  (JSON.parse(await mesh.page('galley', '/debug/problems?json')) as { problems: readonly Problem[] }).problems;

/** A problem that galley has whose origin or message names this file; throws `Broken` when it has none in time. */
export async function untilProblem(mesh: Mesh, file: string, limitMs = 10_000): Promise<Problem> {
  for (const until = Date.now() + limitMs * patience(); Date.now() < until; await pause(50)) {
    const found = (await problemsOf(mesh).catch(() => [])).find(({ origin, message }) =>
      `${origin} ${message}`.includes(file),
    );
    if (found) return found;
  }
  throw new Broken(`a problem with ${file} within ${limitMs / 1000} s`, 'none');
}
