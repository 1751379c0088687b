import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stopCluster } from '@flotilla/tool-cluster';
import { root } from './kubectl.ts';
import type { ShopAnswer } from './mesh.ts';
import { whyNoCluster } from './test-cluster.ts';

const why = whyNoCluster();

describe.skipIf(why !== undefined)(`docs/install.md${why === undefined ? '' : `: ${why}`}`, () => {
  let parent: string;
  beforeAll(() => {
    parent = mkdtempSync(join(tmpdir(), 'flotilla-install-'));
  });
  afterAll(async () => {
    await stopCluster(join(parent, 'state'));
    rmSync(parent, { recursive: true, force: true });
  }, 60_000);

  it('leads from an empty cluster to the shop, command by command', () => {
    const commands = commandsOf('From an empty cluster to the shop');
    expect(commands.length).toBeGreaterThan(9);
    // One shell, as a reader has it: what is exported holds for the commands that follow.
    const script = ['set -euo pipefail', ...commands].join('\n');
    const { status, stdout, stderr } = spawnSync('bash', ['-c', script], {
      cwd: root,
      encoding: 'utf8',
      env: { ...process.env, FLOTILLA_CLUSTER: join(parent, 'state') },
    });
    expect({ status, end: status === 0 ? '' : stderr.slice(-2000) }).toEqual({ status: 0, end: '' });
    const answer = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as ShopAnswer;
    expect([answer.name, answer.upstreams?.map(({ name }) => name)]).toEqual(['storefront', ['catalog', 'reviews']]);
  }, 600_000);
});

/** The indented lines of a section of the document. */
function commandsOf(title: string): readonly string[] {
  const text = readFileSync(join(root, 'docs/install.md'), 'utf8');
  const [, rest = ''] = text.split(`\n## ${title}\n`);
  const [section = ''] = rest.split('\n## ');
  return section.split('\n').flatMap((line) => (line.startsWith('    ') ? [line.trim()] : []));
}
