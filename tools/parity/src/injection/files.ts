import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { findShared } from '../corpus/locate.ts';

/** The folder of the corpus that keeps what injection cases share. */
const shared = 'injection';

/**
 * The text of a file that a case names by a path from its folder. Some cases name files that are only in the area's own
 * folder. Throws when it is in neither.
 */
export function readShared(path: string, name: string): string {
  const beside = join(path, name);
  const below = name.replace(/^(?:\.\.\/)+/, '');
  const file = existsSync(beside) ? beside : findShared(path, join(shared, below));
  if (file === undefined || name === '') throw new Error(`${path}: there is no file ${name || basename(path)}`);
  return readFileSync(file, 'utf8');
}
