import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Area } from '../area.ts';
import { areas } from '../areas.ts';
import { findShared, locateCases } from './locate.ts';

/** A corpus with one scenario in each of two folders, and the judge beside it. */
function makeCorpus(): string {
  const root = mkdtempSync(join(tmpdir(), 'parity-corpus-'));
  for (const path of ['corpus/xds/one', 'corpus/more/xds/two']) {
    mkdirSync(join(root, path, 'expected'), { recursive: true });
    writeFileSync(join(root, path, 'proxies.yaml'), '[]');
  }
  mkdirSync(join(root, 'tools'));
  writeFileSync(join(root, 'tools/xdsdiff.py'), '');
  return root;
}
const area = areas['xds'] as Area;
const names = (corpus: string | undefined, only = ''): string[] =>
  locateCases('xds', area, { corpus, only }).flatMap(({ cases }) => cases.map(({ name }) => name));

describe('cases of a corpus', () => {
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  it('are those of the folder, or of all folders of the area below the root', () => {
    const root = makeCorpus();
    expect(names(join(root, 'corpus/more/xds'))).toEqual(['two']);
    expect(names(join(root, 'corpus'))).toEqual(['xds/one', 'more/xds/two']);
    expect(names(join(root, 'corpus'), 'tw')).toEqual(['more/xds/two']);
  });

  it('are those of FLOTILLA_CORPUS where no folder is named', () => {
    vi.stubEnv('FLOTILLA_CORPUS', join(makeCorpus(), 'corpus'));
    expect(names(undefined)).toEqual(['xds/one', 'more/xds/two']);
  });

  it.each(['', 'corpus/xds/one', 'corpus/injection'])('are suggested from "%s", which has none', (folder) => {
    const root = makeCorpus();
    expect(() => names(join(root, folder))).toThrow(/did you mean .*corpus\/(more\/)?xds\?/);
  });

  it('must exist', () => {
    const root = makeCorpus();
    expect(() => names(join(root, 'corpus'), 'three')).toThrow('has a name that contains "three"');
    expect(() => names('/nowhere/at/all')).toThrow('no case of xds in /nowhere/at/all');
  });

  it('share what is in a folder above them', () => {
    const root = makeCorpus();
    expect(findShared(join(root, 'corpus/more/xds'), 'tools/xdsdiff.py')).toBe(join(root, 'tools/xdsdiff.py'));
    vi.stubEnv('FLOTILLA_CORPUS', join(root, 'corpus'));
    expect(findShared('/nowhere', 'tools/xdsdiff.py')).toBe(join(root, 'tools/xdsdiff.py'));
  });
});
