import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
export const cache = join(root, '.cache');
export const toolchain = join(cache, 'toolchain');

/** One sentence with its remedy, exit code 2. */
export function fail(message) {
  console.error(`setup: ${message}`);
  process.exit(2);
}

/** Runs a command; resolves with its exit code, rejects when it can't be started. What it says goes to standard error: standard output is the program's. */
export const run = (command, args, options = {}) => new Promise((resolve, reject) => {
  spawn(command, args, { ...options, stdio: ['ignore', 2, 2] }).on('error', reject).on('exit', (code) => resolve(code ?? 1));
});

/** Runs one step; tells of it when it takes over a second, unless it does so itself, and fails with its name. Returns seconds. */
export async function step(name, start, { tells = false } = {}) {
  const began = Date.now();
  const timer = setTimeout(() => tells || console.error(`setup: ${name} ...`), 1000);
  const status = await start();
  clearTimeout(timer);
  if (typeof status === 'number' && status !== 0) fail(`${name} failed; see above`);
  return (Date.now() - began) / 1000;
}

/** The environment of everything that is started: the project's Node and tools come first. */
export const toolPath = () => ({
  ...process.env,
  PATH: [
    join(toolchain, 'node_modules', `node-linux-${process.arch}`, 'bin'), join(toolchain, 'node_modules', '.bin'), join(root, 'node_modules', '.bin'), process.env.PATH,
  ].join(':'),
  ENVOY_BIN: process.env.ENVOY_BIN ?? join(cache, 'bin', 'envoy'),
  NATS_SERVER_BIN: process.env.NATS_SERVER_BIN ?? join(cache, 'bin', 'nats-server'),
  NX_DAEMON: 'false',
});
