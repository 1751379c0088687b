import { mkdirSync, mkdtempSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Area } from './area.ts';
import { describeOutcome, describeReport, reportJson } from './print.ts';
import { runArea } from './run.ts';

/** Cases that differ when their name begins with `bad`, and need something when it ends with `new`. */
const area: Area = {
  about: '',
  folders: ['things', 'more/things'],
  find: (folder) => readdirSync(folder).flatMap((name) => (/\d/.test(name) ? [join(folder, name)] : [])),
  needs: (path) => (path.endsWith('new') ? 'novelty' : undefined),
  async *compare({ cases }) {
    for (const { name } of cases)
      yield await Promise.resolve({ name, ...(/bad[^/]*$/.test(name) ? { difference: 'a\n  b' } : {}), ms: 2 });
  },
};
function corpusOf(...paths: string[]): string {
  const root = mkdtempSync(join(tmpdir(), 'parity-run-'));
  for (const path of paths) mkdirSync(join(root, path), { recursive: true });
  return root;
}
const run = (corpus: string) => runArea({ name: 'things', area, areas: ['things', 'xds'], corpus, only: '' });

describe('a comparison', () => {
  it('puts each case into one list, those that need something missing apart', async () => {
    const report = await run(corpusOf('things/good1', 'things/bad2', 'more/things/bad3new', 'more/things/good4new'));
    expect(describeReport(report)).toBe(
      'not counted, need novelty: 2\n    more/things/bad3new\n    more/things/good4new (agrees)\n' +
        'ms per case: median 2, things/bad2 2\ncases 1/2',
    );
    expect(reportJson(report)).toEqual({
      cases: [1, 2],
      differing: [{ name: 'things/bad2', difference: 'a\n  b' }],
      accepted: [],
      apart: [
        { name: 'more/things/bad3new', needs: 'novelty', agrees: false },
        { name: 'more/things/good4new', needs: 'novelty', agrees: true },
      ],
      stale: [],
    });
  });

  it('shows a difference below the name of its case', () => {
    expect(describeOutcome({ name: 'x', difference: '\n  a\n  b\n' })).toBe('x: differs\n    a\n    b');
  });

  it('is refused where there is no case', async () => {
    await expect(run(corpusOf('things/none'))).rejects.toThrow('no case of things');
  });
});
