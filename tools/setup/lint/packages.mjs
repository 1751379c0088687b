// The packages of the repository and their tags, as their package.json files have them.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../common.mjs';

/** Folders below one, itself included, that have a package.json. */
function packageFolders(folder) {
  const below = readdirSync(join(root, folder), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== 'node_modules' && entry.name !== 'src')
    .flatMap(({ name }) => packageFolders(`${folder}/${name}`));
  return existsSync(join(root, folder, 'package.json')) ? [folder, ...below] : below;
}

const packages = ['apps', 'libs', 'tools', 'tests'].flatMap(packageFolders).map((path) => ({
  path,
  tags: JSON.parse(readFileSync(join(root, path, 'package.json'), 'utf8')).nx?.tags ?? [],
}));

/** The folders of the packages that have one of these tags, in order. Throws for a tag that no package has. */
export function foldersOf(...tags) {
  for (const tag of tags)
    if (!packages.some((each) => each.tags.includes(tag))) throw new Error(`no package has the tag ${tag}`);
  return packages
    .filter((each) => each.tags.some((tag) => tags.includes(tag)))
    .map(({ path }) => path)
    .sort();
}
