import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const common = join(resolve(import.meta.dirname, '..'), 'common.mjs');
const dir = mkdtempSync(join(tmpdir(), 'step-spec-'));

/** Runs one step of the set-up that runs a shell script. */
function stepOf(script: string) {
  const program = `const { run, step } = await import(${JSON.stringify(common)}); await step('fetching things', () => run('sh', ['-c', process.argv[1]]));`;
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program, script], {
    encoding: 'utf8',
  });
  return { status, stdout, lines: stderr.trimEnd().split('\n') };
}

describe('a step of the set-up', () => {
  it('that fails is tried once more', () => {
    const marker = join(dir, 'tried');
    const { status, lines } = stepOf(
      `test -e ${marker} && exit 0; touch ${marker}; echo 'connection reset' >&2; exit 7`,
    );
    expect([status, existsSync(marker)]).toEqual([0, true]);
    expect(lines.at(-1)).toBe('setup: fetching things failed (sh exit code 7: connection reset); trying once more');
  });

  it('that fails twice ends the set-up, whose last line says what failed and why', () => {
    const { status, stdout, lines } = stepOf('echo progress; echo "E: no space left on device" >&2; exit 1');
    expect([status, stdout]).toEqual([2, '']);
    expect(lines.at(-1)).toBe('setup: fetching things failed twice: sh exit code 1: E: no space left on device');
    expect(lines.filter((line) => line === 'progress')).toHaveLength(2);
  });
});
