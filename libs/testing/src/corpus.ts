import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

/**
 * Where Istio's answers are: a path below FLOTILLA_CORPUS, else below ../shared/corpus beside the checkout. Tests that
 * need it skip when it isn't there. Where the variable CI is `true` they fail instead, as this throws then: otherwise a
 * comparison could be skipped for good.
 */
export function corpusPath(...names: string[]): string {
  const base = process.env['FLOTILLA_CORPUS'] ?? resolve(import.meta.dirname, '../../../../shared/corpus');
  const path = join(base, ...names);
  if (process.env['CI'] === 'true' && !existsSync(path))
    throw new Error(`${path} does not exist: set FLOTILLA_CORPUS to the folder of Istio's answers`);
  return path;
}
