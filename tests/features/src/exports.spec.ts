import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '../../..');
const sources = new Map(
  execFileSync('git', ['ls-files', '-co', '--exclude-standard', 'apps', 'libs', 'tools', 'tests'], {
    cwd: root,
    encoding: 'utf8',
  })
    .trim()
    .split('\n')
    .filter((file) => file.endsWith('.ts') && !file.includes('/canary/'))
    .map((file) => [file, readFileSync(join(root, file), 'utf8')] as const),
);

/** Every word of the code of a file, its comments left out. */
const wordsOf = (source: string): ReadonlySet<string> =>
  new Set(source.replace(/\/\*[^]*?\*\/|^\s*\/\/.*$/gm, '').match(/[A-Za-z_$][\w$]*/g));
/** Which files name each word. */
const users = new Map<string, Set<string>>();
for (const [file, source] of sources)
  for (const word of wordsOf(source)) users.set(word, (users.get(word) ?? new Set()).add(file));

/** Values without a type of the same name, which others may use instead: schemas have one. */
const exportedValues = (source: string): string[] =>
  [...source.matchAll(/^export (?:async )?(?:const|function\*?|class) +(\w+)/gm)]
    .map(([, name]) => name ?? '')
    .filter((name) => !source.includes(`export type ${name} = `));

describe('exports', () => {
  it('of values are used by another file, a test at least', () => {
    const unused = [...sources].flatMap(([file, source]) =>
      exportedValues(source)
        .filter((name) => [...(users.get(name) ?? [])].every((user) => user === file))
        .map((name) => `${file}: ${name}`),
    );
    expect(unused).toEqual([]);
  });

  it('of a package are listed one by one', () =>
    expect(
      [...sources]
        .filter(([file, source]) => !file.startsWith('libs/proto-gen/') && /^export (type )?\* from/m.test(source))
        .map(([file]) => file),
    ).toEqual([]));

  it('have names, but in the configuration of a tool that requires otherwise', () =>
    expect(
      [...sources]
        .filter(([file, source]) => !file.endsWith('.config.ts') && /^export default /m.test(source))
        .map(([file]) => file),
    ).toEqual([]));
});
