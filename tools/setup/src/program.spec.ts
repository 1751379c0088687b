import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const program = join(resolve(import.meta.dirname, '..'), 'program.mjs');
/** Says its number, then what it is told; the latter ends it. */
const told =
  'for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => { console.log(signal); process.exit(7); }); console.log(process.pid); setInterval(() => {}, 1000);';
const runs = `const { runProgram } = await import(${JSON.stringify(program)}); process.exit(await runProgram(process.execPath, ["-e", ${JSON.stringify(told)}]));`;

/** Runs it below a shell, as npm does; both without a terminal. */
async function start(line: string) {
  const child = spawn('sh', ['-c', line, 'sh', process.execPath, runs], { stdio: ['ignore', 'pipe', 'ignore'] });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const next = async (): Promise<string | undefined> => (await lines.next()).value as string | undefined;
  expect(await next()).toMatch(/^\d+$/);
  return { child, next, exited: once(child, 'exit') };
}

describe('a program that the set-up runs', () => {
  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('is handed %s', async (signal) => {
    const { child, next, exited } = await start('exec "$1" --input-type=module -e "$2"');
    child.kill(signal);
    expect(await next()).toBe(signal);
    expect(await exited).toEqual([7, null]);
  });

  it('is ended when what started the set-up was killed', async () => {
    const { child, next } = await start('"$1" --input-type=module -e "$2"; true');
    child.kill('SIGKILL');
    expect(await next()).toBe('SIGTERM');
  });
});
