import { accessSync, constants, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '@flotilla/std';

const isConfig = (name: string): boolean => /\.(ya?ml|json)$/.test(name);

/**
 * The files of YAML that a path names: itself, or what the folder holds, at any depth. Throws, saying what is wrong
 * with the path, when there are none to be read.
 */
export function findManifests(path: string): readonly string[] {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (!stats) throw new Error(`${path}: there is no such file or folder`);
  if (!stats.isDirectory()) {
    if (!stats.isFile()) throw new Error(`${path} is neither a file nor a folder; write its content to a file`);
    if (!isConfig(path))
      throw new Error(`${path} is not named like a YAML file; give it a name that ends in .yaml, .yml or .json`);
    return [readable(path)];
  }
  // What isn't a file is left out, as galley does; a link that leads nowhere is a mistake.
  const found = readdirSync(path, { recursive: true, encoding: 'utf8' })
    .filter(isConfig)
    .map((name) => join(path, name))
    .filter((file) => statSync(readable(file)).isFile());
  if (found.length === 0)
    throw new Error(`${path} contains no YAML; name a folder with files that end in .yaml, .yml or .json`);
  return found;
}

function readable(path: string): string {
  try {
    accessSync(path, constants.R_OK);
    return path;
  } catch (thrown) {
    throw new Error(`${path} can't be read (${messageOf(thrown)}); repair or remove it`);
  }
}
