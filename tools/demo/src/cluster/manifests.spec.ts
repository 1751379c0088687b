import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findManifests } from './manifests.ts';
import { givenName } from './state-folder.ts';

const dir = mkdtempSync(join(tmpdir(), 'flotilla-manifests-'));
const file = (...path: string[]): string => {
  mkdirSync(join(dir, ...path, '..'), { recursive: true });
  writeFileSync(join(dir, ...path), 'a: 1\n');
  return join(dir, ...path);
};

describe('the files that --config names', () => {
  const web = file('mesh/web.yaml');
  const deep = file('mesh/deep/er.json');
  file('mesh/notes.txt');
  mkdirSync(join(dir, 'mesh/folder.yaml'));
  spawnSync('mkfifo', [join(dir, 'mesh/pipe.yaml')]);

  it('are those of a folder at any depth, whatever else is in it', () =>
    expect(findManifests(join(dir, 'mesh')).toSorted()).toEqual([deep, web]));
  it('or one', () => expect(findManifests(web)).toEqual([web]));

  const dangling = join(dir, 'broken/away.yaml');
  file('broken/web.yaml');
  symlinkSync('/nowhere', dangling);
  mkdirSync(join(dir, 'empty'));
  it.each([
    ['/nowhere', '/nowhere: there is no such file or folder'],
    [join(dir, 'empty'), 'contains no YAML; name a folder with files'],
    [join(dir, 'mesh/pipe.yaml'), 'is neither a file nor a folder'],
    ['/dev/null', 'is neither a file nor a folder'],
    [join(dir, 'mesh/notes.txt'), 'give it a name that ends in .yaml, .yml or .json'],
    [join(dir, 'broken'), `${dangling} can't be read (ENOENT`],
  ])('are refused: %s', (path, message) => expect(() => findManifests(path)).toThrow(message));
});

describe('a copy in the state folder', () => {
  const given = ['/shop.yaml', dir];
  it.each([
    ['given/00/shop.yaml#2', '/shop.yaml#2'],
    ['given/01/deep/er.json', join(dir, 'deep/er.json')],
    ['system/00/fleet.yaml', 'system/00/fleet.yaml'],
    ['given/07/other.yaml', 'given/07/other.yaml'],
  ])('is told of by the name that its user knows: %s', (path, name) => expect(givenName(path, given)).toBe(name));
});
