import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** The folders with a case.json in groups of a folder (`cases`, `upstream` ...), or in the folder itself. */
export function findFolders(folder: string, groups: readonly string[]): string[] {
  return ['', ...groups]
    .map((group) => join(folder, group))
    .filter((group) => existsSync(group))
    .flatMap((group) => readdirSync(group).map((name) => join(group, name)))
    .filter((path) => existsSync(join(path, 'case.json')));
}
