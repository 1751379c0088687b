import { spawnSync, type SpawnSyncOptions } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const folders = (): readonly string[] => [
  ...(process.env['PATH'] ?? '').split(delimiter),
  '/usr/local/sbin',
  '/usr/sbin',
  '/sbin',
  '/usr/local/go/bin',
];

/** The path of a program; undefined when it is not installed. */
export const findProgram = (name: string): string | undefined =>
  name.startsWith('/')
    ? existsSync(name)
      ? name
      : undefined
    : folders()
        .map((folder) => join(folder, name))
        .find((path) => existsSync(path));

/** Runs a program and returns its standard output. Throws with the end of its standard error when it fails. */
export function run(command: readonly string[], options: SpawnSyncOptions = {}): string {
  const [program = '', ...args] = command;
  const { status, stdout, stderr, error } = spawnSync(findProgram(program) ?? program, args, {
    maxBuffer: 64 << 20,
    ...options,
    encoding: 'utf8',
  });
  if (status === 0) return stdout;
  const why = error?.message ?? stderr.trim().split('\n').slice(-5).join('\n');
  throw new Error(`${command.join(' ')} failed: ${why}`);
}
