import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const module = JSON.stringify(join(import.meta.dirname, 'temporary-folder.ts'));

/** Runs a program with temporary files of its own; standard error ends when the folder has been dealt with. */
function run(body: string) {
  const parent = mkdtempSync(join(tmpdir(), 'run-'));
  const child = spawn(
    process.execPath,
    [
      '--input-type=module',
      '-e',
      `import { createTemporaryFolder, useTemporaryFolder } from ${module};
       import { spawn } from 'node:child_process';
       import { mkdirSync, writeFileSync } from 'node:fs';
       ${body}`,
    ],
    { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, TMPDIR: parent } },
  );
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  const ended = once(child, 'close').then(() => ({ left: readdirSync(parent), errors }));
  return { child, ended, said: async () => String((await once(child.stdout, 'data'))[0]).trim() };
}

const fill = `const { path } = folder; mkdirSync(path + '/a/b', { recursive: true }); writeFileSync(path + '/a/b/c', '');`;
const wait = `console.log(process.env.TMPDIR); setInterval(() => {}, 1000);`;

describe('a temporary folder', () => {
  it('holds what all tests of a run put among the temporary files', () => {
    expect(tmpdir()).toMatch(/\/t-\w{6}$/);
  });

  it.each([
    ['ends', ''],
    ['exits', 'process.exit(3);'],
    ['throws', 'throw new Error("thrown");'],
  ])('is gone when its process %s', async (_, end) => {
    const { left } = await run(`const folder = createTemporaryFolder('x-'); ${fill} ${end}`).ended;
    expect(left).toEqual([]);
  });

  it.each(['SIGKILL', 'SIGTERM', 'SIGINT', 'SIGHUP'] as const)('is gone after %s', async (signal) => {
    const { child, ended, said } = run(`useTemporaryFolder('x-'); ${wait}`);
    const path = await said();
    expect(existsSync(path)).toBe(true);
    child.kill(signal);
    expect(await ended).toEqual({ left: [], errors: '' });
  });

  it('stays when it is to be kept', async () => {
    const { left } = await run(`const folder = createTemporaryFolder('x-'); ${fill} folder.keep(); process.exit();`)
      .ended;
    expect(left).toEqual([expect.stringMatching(/^x-/)]);
  });

  it('stays for as long as a child that got the lifeline runs', async () => {
    const { child, ended, said } = run(`
      const { path, lifeline } = createTemporaryFolder('x-', ['env']);
      const child = spawn('sh', ['-c', 'read -r line <&3; [ -e "$0" ] && echo there >&2', path],
        { stdio: ['ignore', 'ignore', 'inherit', 'pipe', lifeline], detached: true });
      console.log(path);
      setInterval(() => {}, 1000);`);
    await said();
    child.kill('SIGKILL');
    expect(await ended).toEqual({ left: [], errors: 'there\n' });
  });
});
