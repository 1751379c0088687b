import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '../../..');
const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard', 'apps', 'libs'], {
  cwd: root,
  encoding: 'utf8',
})
  .trim()
  .split('\n')
  .filter((file) => file.endsWith('.ts') && !/\.(spec|fixture)\.ts$|\/testing\/|\/messages\/table\.ts$/.test(file));

/** Pilot's problems with key sets are of a type of their own. */
const others = ['libs/pilot/jwks/src/problem.ts'];

it('problems are built from the table of messages, which has all codes', () => {
  const builtByHand = files.filter((file) =>
    /\bcode: '[\w-]+',\s*level: /.test(readFileSync(join(root, file), 'utf8')),
  );
  expect(builtByHand).toEqual(others);
});
