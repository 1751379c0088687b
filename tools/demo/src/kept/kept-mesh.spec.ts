import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, it } from 'vitest';
import { folderPrefix, ownFolders } from './kept-mesh.ts';

const user = userInfo().uid;
let parent: string;
beforeEach(() => (parent = mkdtempSync(join(tmpdir(), 'kept-mesh-'))));

it('finds the folders of runs, and nothing else beside them', () => {
  const run = join(parent, `${folderPrefix}1`);
  for (const folder of [run, join(parent, 'other')]) mkdirSync(folder);
  writeFileSync(join(parent, `${folderPrefix}2`), '');
  expect(ownFolders(parent, user)).toEqual([run]);
});

it('passes over what others have put there, and over links, which may lead to it', () => {
  mkdirSync(join(parent, `${folderPrefix}1`));
  expect(ownFolders(parent, user + 1)).toEqual([]);
  mkdirSync(join(parent, 'elsewhere'));
  symlinkSync('elsewhere', join(parent, `${folderPrefix}2`));
  symlinkSync('nowhere', join(parent, `${folderPrefix}3`));
  expect(ownFolders(parent, user)).toEqual([join(parent, `${folderPrefix}1`)]);
});
