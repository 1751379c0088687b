import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Beside, Flags, Program } from '@flotilla/tool-control-plane';
import { Broken, expect, Skipped } from '../../attack.ts';
import type { Mesh } from '../../mesh/attacked-mesh.ts';

let count = 0;
/** A folder of a row's own, gone after it. */
export function ownFolder(mesh: Mesh): string {
  count += 1;
  const folder = join(mesh.folder, 'own', String(count));
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  mesh.onClose(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A CA beside that of the mesh, with everything in a folder of its own; not started. */
export function ownCa(mesh: Mesh, folder: string, { flags = {}, ...more }: Partial<Beside> = {}): Program {
  count += 1;
  const own: Flags = {
    'root-file': join(folder, 'root.pem'),
    'root-cert-out': join(folder, 'root-cert.pem'),
    'bootstrap-tokens-file': join(folder, 'tokens.json'),
  };
  return mesh.beside('citadel', { name: `own-ca-${count}`, flags: { ...own, ...flags }, ...more });
}

/** Starts a program and waits for it to end by itself; resolves with how, and what it said. */
export async function ending(
  program: Program,
  limitMs = 15_000,
): Promise<{ readonly how: string; readonly said: string }> {
  program.start();
  for (const until = Date.now() + limitMs; Date.now() < until; await pause(50))
    if (program.ending !== undefined) return { how: program.ending, said: program.logTail(4000) };
  throw new Broken(`it to refuse to start within ${limitMs / 1000} s`, program.logTail());
}

/** Expects a program to refuse to start, in a sentence that says something. */
export async function refusesToStart(mesh: Mesh, program: Program, says: RegExp): Promise<void> {
  const { how, said } = await ending(program);
  mesh.answered(said);
  expect(
    `an exit code of 1 or 2 and ${says.source}`,
    `${how}: ${said}`,
    /^exit code [12]$/.test(how) && says.test(said),
  );
}

/**
 * The command that runs another one in a mount namespace after a script; throws `Skipped` where that is not permitted.
 */
export function inMounts(script: string): readonly string[] {
  const user = process.getuid?.() === 0 ? [] : ['--user', '--map-root-user'];
  const unshare = ['unshare', ...user, '--mount', '--propagation', 'private'];
  const [command = '', ...args] = [...unshare, 'mount', '-t', 'tmpfs', 'probe', '/mnt'];
  const { status, stderr, error } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) throw new Skipped(`mounts are not permitted here (${error?.message ?? stderr.trim()})`);
  return [...unshare, 'sh', '-c', `${script}\nexec "$@"`, 'sh'];
}

/** The command that runs another one at another time; throws `Skipped` where libfaketime is missing. */
export function atTime(offset: string): {
  readonly wrapper: readonly string[];
  readonly env: Readonly<Record<string, string>>;
} {
  if (spawnSync('faketime', ['--version']).error) throw new Skipped('faketime is missing; install faketime');
  return { wrapper: ['faketime', '-f', offset], env: { DONT_FAKE_MONOTONIC: '1', FAKETIME_DONT_FAKE_MONOTONIC: '1' } };
}
