import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { BuiltImage } from '@flotilla/tool-images';

/** Runs a program of this machine and returns its standard output. Throws with its standard error when it fails. */
export function run([program = '', ...args]: readonly string[], env: NodeJS.ProcessEnv = process.env): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8', env, maxBuffer: 64 << 20 });
  if (error || status !== 0) throw new Error(`${program} ${args.join(' ')}: ${error?.message ?? stderr}`);
  return stdout;
}

/** Unpacks an image below a folder, one after the other; layers that were unpacked before are linked. */
export function unpack({ name, layers }: BuiltImage, dir: string): string {
  const root = join(dir, name);
  mkdirSync(root, { recursive: true });
  for (const { digest, file } of layers) {
    const unpacked = join(dir, 'layers', digest.replace('sha256:', ''));
    if (!existsSync(unpacked)) {
      mkdirSync(unpacked, { recursive: true });
      run(['tar', '-xzf', file, '-C', unpacked, '--same-permissions']);
    }
    run(['cp', '--archive', '--link', `${unpacked}/.`, root]);
  }
  return root;
}

/** Runs a command in an image as its user, with nothing of this machine but its kernel. */
export function runInside(root: string, { config }: BuiltImage, command?: readonly string[]): string {
  const { Entrypoint, Env, User } = (
    JSON.parse(config.toString()) as {
      readonly config: { readonly Entrypoint: string[]; readonly Env: string[]; readonly User: string };
    }
  ).config;
  const env = Object.fromEntries(Env.map((line) => line.split(/=(.*)/s).slice(0, 2) as [string, string]));
  const enter =
    process.getuid?.() === 0
      ? ['/usr/sbin/chroot', `--userspec=${User}`, root]
      : ['/usr/bin/unshare', '--map-root-user', '/usr/sbin/chroot', root];
  return run([...enter, ...(command ?? [...Entrypoint, '--help'])], env);
}
