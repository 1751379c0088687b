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

/** Runs one step; tells of it when it takes over a second, and fails with its name. Returns seconds. */
export async function step(name, run) {
  const start = Date.now();
  const timer = setTimeout(() => console.error(`setup: ${name} ...`), 1000);
  const status = await run();
  clearTimeout(timer);
  if (typeof status === 'number' && status !== 0) fail(`${name} failed; see above`);
  return (Date.now() - start) / 1000;
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
