import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '../../..');
const documents = [
  'README.md',
  'CONTRIBUTING.md',
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
];
const json = (path: string): unknown => JSON.parse(readFileSync(join(root, path), 'utf8'));
const { scripts } = json('package.json') as { scripts: Readonly<Record<string, string>> };

/** What a document tells its reader to do must be there to be done; the end-to-end tests do it. */
describe.each(documents)('%s', (document) => {
  const text = readFileSync(join(root, document), 'utf8');

  it('names scripts and targets that are there', () => {
    for (const [, name = ''] of text.matchAll(/npm run ([\w-]+)/g)) expect(scripts, name).toHaveProperty([name]);
    for (const [, app = ''] of text.matchAll(/nx -- serve ([\w-]+)/g)) {
      expect((json(`apps/${app}/package.json`) as { nx: { targets: object } }).nx.targets, app).toHaveProperty('serve');
    }
  });

  it("links to files that are there, and names no path that isn't", () => {
    const paths = [...text.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, path = '']) =>
      join(dirname(document), path),
    );
    const named = [...text.matchAll(/\b((?:apps|libs|tools|tests|docs|proto)\/[\w./-]*\w)/g)].map(
      ([, path = '']) => path,
    );
    for (const path of [...paths, ...named]) expect([path, existsSync(join(root, path))]).toEqual([path, true]);
  });

  it('names functions, classes and methods that the file has', () => {
    const named = [...text.matchAll(/\b((?:apps|libs|tools|tests)\/[\w./-]*\.ts):([\w.]*\w)/g)];
    for (const [place, path = '', name = ''] of named) {
      const source = readFileSync(join(root, path), 'utf8');
      for (const part of name.split('.')) {
        const isDefined = [
          ...source.matchAll(/\b(?:function\*?|const|class) +(\w+)|^ +(?:async )?\*?#?(\w+)\(/gm),
        ].some(([, definition, method]) => definition === part || method === part);
        expect([place, isDefined]).toEqual([place, true]);
      }
    }
  });

  it('names options of the demo that it has', async () => {
    const { demoProgram } = await import('@flotilla/demo');
    const names = Object.keys(demoProgram.settings).map((key) =>
      key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`),
    );
    const known = new Set(['help', ...names, ...names.map((name) => `no-${name}`)].map((name) => `--${name}`));
    for (const [, args = ''] of text.matchAll(/npm run demo -- ([^`\n#]+)/g)) {
      for (const [flag] of args.matchAll(/--[\w-]+/g)) expect([flag, known.has(flag)]).toEqual([flag, true]);
    }
  });
});

/** A decision is cited by its number, so no two may share one. */
it('decisions are listed, and each has a number of its own', () => {
  const names = readdirSync(join(root, 'docs/adr'))
    .filter((name) => name !== 'README.md')
    .sort();
  const listed = [...readFileSync(join(root, 'docs/adr/README.md'), 'utf8').matchAll(/\]\(([^)]+)\)/g)].map(
    ([, name]) => name,
  );
  const titles = names.map((name) =>
    /^# (\d+)\. /.exec(readFileSync(join(root, 'docs/adr', name), 'utf8'))?.[1]?.padStart(4, '0'),
  );
  expect(listed).toEqual(names);
  expect(titles).toEqual(names.map((name) => name.slice(0, 4)));
  expect(new Set(titles).size).toBe(names.length);
});
