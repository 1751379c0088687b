import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const logs = new URL('./index.ts', import.meta.url).href;
const program = `
  import { createLogger, createMetrics } from ${JSON.stringify(logs)};
  const metrics = createMetrics();
  const log = createLogger('pilot', { metrics, limits: { perPeer: 1e6, perScope: 1e6, bytesPerPeer: 1e9, bytesPerScope: 1e9 } });
  for (let i = 0; i < 5000; i += 1) log.info('line', { i, text: 'x'.repeat(200) });
  process.stdout.write((await metrics.text()).match(/.*unwritable.*/)[0]);
`;

it('a pipe that nobody reads does not hold the process up: lines are left out and counted', async () => {
  // A shell's pipe, as the log of a container is one; by itself node gives its children sockets.
  const child = spawn(
    'sh',
    ['-c', '{ "$0" --input-type=module -e "$1" 2>&1 >&3 | { read line; sleep 60; }; } 3>&1', process.execPath, program],
    { stdio: ['ignore', 'pipe', 'inherit'], detached: true },
  );
  try {
    const counted = await new Promise<string>((resolve) =>
      child.stdout.once('data', (chunk: Buffer) => resolve(chunk.toString())),
    );
    expect(Number(/ (\d+)$/.exec(counted)?.[1])).toBeGreaterThan(4000);
  } finally {
    process.kill(-(child.pid ?? 0), 'SIGKILL');
  }
});

it('a pipe that is read gets many times what it holds at once, and a file gets every line', () => {
  const file = join(mkdtempSync(join(tmpdir(), 'log-')), 'log');
  const lines = (text: string): number =>
    text
      .trim()
      .split('\n')
      .filter((line) => (JSON.parse(line) as { msg: string }).msg === 'line').length;
  const run = (redirection: string): string =>
    execFileSync('sh', ['-c', `"$0" --input-type=module -e "$1" ${redirection}`, process.execPath, program, file], {
      encoding: 'utf8',
      maxBuffer: 1 << 24,
    });
  expect(lines(run('2>&1 >/dev/null | cat'))).toBeGreaterThan(2000);
  run('2>"$2" >/dev/null');
  expect(lines(readFileSync(file, 'utf8'))).toBe(5000);
});
