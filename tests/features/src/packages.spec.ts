import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

const root = resolve(import.meta.dirname, '../../..');
const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard', 'apps', 'libs', 'tools', 'tests'], {
  cwd: root,
  encoding: 'utf8',
})
  .trim()
  .split('\n')
  .filter((file) => !file.includes('/canary/'));
interface Manifest {
  readonly name: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/** What tools of a package use without importing it: types, and programs that generate code. */
const usedOtherwise = /^@types\/|^protobufjs-cli$|^@grpc\/grpc-js-xds$|^pnpm$|^node-linux-/;
/** At the root, since every package has tests. */
const shared = new Set(['vitest', 'fast-check']);

const packages = files
  .filter((file) => file.endsWith('/package.json'))
  .map((file) => ({ dir: dirname(file), manifest: JSON.parse(readFileSync(join(root, file), 'utf8')) as Manifest }));
const ownerOf = (file: string): string | undefined =>
  packages
    .map(({ dir }) => dir)
    .filter((dir) => file.startsWith(`${dir}/`))
    .sort((a, b) => b.length - a.length)[0];
const nameOf = (specifier: string): string =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
const importsOf = (file: string): string[] =>
  [
    ...readFileSync(join(root, file), 'utf8').matchAll(
      /^\s*(?:import|export|\}) [^;\n]*?from '([^.'][^']*)'|^import '([^.'][^']*)'|\bimport\('([^.'][^']*)'\)|import\.meta\.resolve\('([^.'][^']*)'\)/gm,
    ),
  ]
    .map(([, ...found]) => nameOf(found.find((text) => text !== undefined) ?? ''))
    .filter((name) => !name.startsWith('node:') && !builtinModules.includes(name));

describe('packages', () => {
  it.each(packages.map(({ dir, manifest }) => [dir, manifest] as const))(
    '%s depends on what it imports, and on nothing else',
    (dir, { name, dependencies, devDependencies }) => {
      const imported = new Set(
        files.filter((file) => /\.(ts|mjs)$/.test(file) && ownerOf(file) === dir).flatMap(importsOf),
      );
      const declared = Object.keys({ ...dependencies, ...devDependencies });
      expect(declared.filter((one) => !imported.has(one) && !usedOtherwise.test(one))).toEqual([]);
      expect([...imported].filter((one) => !declared.includes(one) && one !== name && !shared.has(one))).toEqual([]);
    },
  );

  it('take their versions from a catalog in which every entry has a user', () => {
    const { catalog } = parse(readFileSync(join(root, 'pnpm-workspace.yaml'), 'utf8')) as { catalog: object };
    const all = [
      ...packages.map(({ manifest }) => manifest),
      JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest,
    ];
    const declared = new Set(
      all.flatMap(({ dependencies, devDependencies, optionalDependencies }) =>
        Object.keys({ ...dependencies, ...devDependencies, ...optionalDependencies }),
      ),
    );
    expect(Object.keys(catalog).filter((name) => !declared.has(name))).toEqual([]);
  });
});
