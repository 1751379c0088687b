import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { bundlePrograms, packageJson, type Bundle } from './bundle.ts';
import type { Entry } from './entry.ts';

const dir = mkdtempSync(join(tmpdir(), 'bundle-'));
const programs = ['pilot', 'pilot-agent', 'nats', 'galley'];
let bundles: readonly Bundle[] = [];
beforeAll(async () => {
  bundles = await bundlePrograms(Object.fromEntries(programs.map((name) => [name, `apps/${name}/src/main.ts`])));
}, 120_000);
const bundleOf = (name: string): Bundle =>
  bundles.find((bundle) => bundle.name === name) ?? expect.fail(`there is no bundle of ${name}`);

const ofKubernetes = (input: string): boolean =>
  /(^|\/)@?kubernetes[/+]|^libs\/kube\/|^libs\/galley\/kube-source\//.test(input);

describe('bundled programs', () => {
  it.each(['pilot', 'pilot-agent', 'nats'])('%s has no client of Kubernetes', (name) => {
    expect(bundleOf(name).inputs.filter(ofKubernetes)).toEqual([]);
  });

  it('galley has one, which shows that it would be noticed', () => {
    expect(bundleOf('galley').inputs.filter(ofKubernetes)).toContainEqual(
      expect.stringMatching(/^libs\/kube\/client\//),
    );
    expect(bundleOf('galley').inputs.filter(ofKubernetes)).toContainEqual(expect.stringContaining('client-node'));
  });

  it.each(programs)('%s has no test code', (name) => {
    const isTest = (input: string): boolean => /\.(spec|fixture)\.ts$|(^|\/)testing\/|^tests\/|\/vitest\//.test(input);
    expect(bundleOf(name).inputs.filter(isTest)).toEqual([]);
  });

  it.each([
    ['nats', ['nats.js', 'worker.js']],
    ['galley', ['descriptors.json', 'galley.js', 'reader-worker.js', 'worker.js']],
  ])('%s comes with its worker threads and data', (name, files) => {
    expect(
      bundleOf(name)
        .entries.map(({ path }) => path)
        .toSorted(),
    ).toEqual(files);
  });

  it.each(programs)('%s starts in a folder that has nothing else', (name) => {
    const folder = join(dir, name);
    for (const entry of [...bundleOf(name).entries, packageJson()]) writeEntry(folder, entry);
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(folder, `${name}.js`), '--help'], {
      cwd: '/',
      env: {},
      encoding: 'utf8',
    });
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toContain(name);
  });
});

function writeEntry(folder: string, entry: Entry): void {
  mkdirSync(dirname(join(folder, entry.path)), { recursive: true });
  if (entry.kind === 'file') writeFileSync(join(folder, entry.path), entry.content(), { mode: entry.mode });
}
