import { existsSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { corpusRoot } from '@flotilla/testing/corpus';
import { Unmet, type Area, type Case } from '../area.ts';

/** Cases of one folder, named by their paths below the corpus that the user named. */
export interface CaseFolder {
  readonly folder: string;
  readonly cases: readonly Case[];
}

/**
 * The cases of an area in a corpus: the folder itself where it contains some, else the area's folders in it. Throws
 * Unmet when there are none, with the folder that was probably meant.
 */
export function locateCases(
  name: string,
  area: Area,
  { corpus, only }: { corpus?: string; only: string },
): CaseFolder[] {
  const root = resolve(corpus ?? corpusRoot());
  const own = casesIn(root, area, root);
  const folders =
    own.length > 0
      ? [{ folder: root, cases: own }]
      : area.folders
          .map((folder) => join(root, folder))
          .map((folder) => ({ folder, cases: casesIn(folder, area, root) }));
  const found = folders.filter(({ cases }) => cases.length > 0);
  if (found.length === 0) throw new Unmet(`no case of ${name} in ${root}${suggestion(name, area, root)}`);
  const chosen = found
    .map(({ folder, cases }) => ({ folder, cases: cases.filter((one) => one.name.includes(only)) }))
    .filter(({ cases }) => cases.length > 0);
  if (chosen.length === 0) throw new Unmet(`no case of ${name} in ${root} has a name that contains "${only}"`);
  return chosen;
}

const casesIn = (folder: string, area: Area, root: string): Case[] =>
  existsSync(folder)
    ? area
        .find(folder)
        .map((path) => ({ path, name: relative(root, path) }))
        .sort((a, b) => (a.name < b.name ? -1 : 1))
    : [];

/** Nearby folders that contain cases: another area's folder, a corpus next to it, the folder of a single case. */
function suggestion(name: string, area: Area, root: string): string {
  const has = (folder: string): boolean => casesIn(folder, area, folder).length > 0;
  const nearby = [join(root, name), join(root, 'corpus'), dirname(root), dirname(dirname(root))];
  const meant = nearby
    .flatMap((folder) => [folder, ...area.folders.map((one) => join(folder, one))])
    .find((folder) => has(folder));
  return meant === undefined ? '' : `; did you mean ${meant}?`;
}

/** A folder and all those above it. */
function* upwards(folder: string): Iterable<string> {
  for (let current = resolve(folder); ; current = dirname(current)) {
    yield current;
    if (current === dirname(current)) return;
  }
}

/**
 * A file of the corpus that cases share (`tools/xdsdiff.py`, `injection/values.json`): the first one found in the
 * folders above a case, or in the corpus that the tests use. Undefined when it is nowhere.
 */
export function findShared(folder: string, path: string): string | undefined {
  return [...upwards(folder), ...upwards(corpusRoot())]
    .map((parent) => join(parent, path))
    .find((file) => existsSync(file));
}
