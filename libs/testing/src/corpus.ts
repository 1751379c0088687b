import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** The folder of Istio's answers: FLOTILLA_CORPUS, else ../shared/corpus beside the checkout. */
export const corpusRoot = (): string =>
  process.env['FLOTILLA_CORPUS'] ?? resolve(import.meta.dirname, '../../../../shared/corpus');

/**
 * Where Istio's answers are: a path below the folder of all of them. Tests that
 * need it skip when it isn't there. Where the variable CI is `true` they fail instead, as this throws then: otherwise a
 * comparison could be skipped for good.
 */
export function corpusPath(...names: string[]): string {
  const path = join(corpusRoot(), ...names);
  if (process.env['CI'] === 'true' && !existsSync(path))
    throw new Error(`${path} does not exist: set FLOTILLA_CORPUS to the folder of Istio's answers`);
  return path;
}
