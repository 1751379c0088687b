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

/**
 * Runs a command, which prints to standard error: standard output is the program's. Rejects with its last line when it
 * fails, and when it can't be started.
 */
export const run = (command, args, options = {}) =>
  new Promise((resolve, reject) => {
    const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    let tail = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk) => {
        process.stderr.write(chunk);
        tail = (tail + chunk).slice(-2000);
      });
    }
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (code === 0) return resolve();
      const last = tail.trimEnd().split('\n').at(-1).trim();
      reject(new Error(`${command} ${signal ?? `exit code ${code}`}${last === '' ? '' : `: ${last}`}`));
    });
  });

/**
 * Runs one step, and once more when it throws: networks have their moments. Prints its name when it takes over a
 * second, unless it does so itself; ends with what failed and why. Returns seconds.
 */
export async function step(name, start, { tells = false } = {}) {
  const began = Date.now();
  const timer = setTimeout(() => tells || console.error(`setup: ${name} ...`), 1000);
  try {
    await start();
  } catch (thrown) {
    console.error(`setup: ${name} failed (${thrown.message}); trying once more`);
    try {
      await start();
    } catch (again) {
      fail(`${name} failed twice: ${again.message}`);
    }
  } finally {
    clearTimeout(timer);
  }
  return (Date.now() - began) / 1000;
}

/** The environment of everything that is started: the project's Node and tools come first. */
export const toolPath = () => ({
  ...process.env,
  PATH: [
    join(toolchain, 'node_modules', `node-linux-${process.arch}`, 'bin'),
    join(toolchain, 'node_modules', '.bin'),
    join(root, 'node_modules', '.bin'),
    process.env.PATH,
  ].join(':'),
  ENVOY_BIN: process.env.ENVOY_BIN ?? join(cache, 'bin', 'envoy'),
  ENVOY_1_40_BIN: process.env.ENVOY_1_40_BIN ?? join(cache, 'bin', 'envoy-1.40'),
  NATS_SERVER_BIN: process.env.NATS_SERVER_BIN ?? join(cache, 'bin', 'nats-server'),
  NX_DAEMON: 'false',
});
