// Sets everything up and, with --run, starts a program of the project. Needs no dependency: any Node from 20 on runs
// it.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fail, root, run, step, toolPath } from './common.mjs';
import { installBinaries } from './binaries.mjs';
import { runProgram } from './program.mjs';
import { installSystemTools } from './system.mjs';
import { installToolchain, installWorkspace } from './workspace.mjs';

const programs = {
  test: ['node', 'tools/setup/test.mjs'],
  t: ['vitest', process.argv.includes('--watch') ? 'watch' : 'run'],
  mutate: ['node', 'tools/mutate/src/main.ts'],
  parity: ['node', 'tools/parity/src/main.ts'],
  bench: ['node', 'tools/bench/src/main.ts'],
  attack: ['node', 'tools/attack/src/main.ts'],
  demo: ['node', 'tools/demo/src/main.ts'],
  proxy: ['node', 'tools/proxy/src/main.ts'],
  cluster: ['node', 'tools/cluster/src/main.ts'],
  images: ['node', 'tools/images/src/main.ts'],
  manifests: ['node', 'tools/manifests/src/main.ts'],
  nx: ['nx'],
  ...Object.fromEntries(
    ['pilot', 'galley', 'citadel', 'sidecar-injector', 'istiod', 'nats', 'pilot-agent'].map((app) => [
      app,
      ['node', `apps/${app}/src/main.ts`],
    ]),
  ),
};
/** What of them starts Envoy or nats-server. */
const needBinaries = [undefined, 'test', 't', 'demo', 'parity', 'bench', 'images', 'nats', 'pilot-agent'];

const args = process.argv.slice(2);
const take = (flag) => {
  const at = args.indexOf(flag);
  return at < 0 ? undefined : args.splice(at, 2)[1];
};
const name = take('--run');
const noInstall = args.includes('--no-install');
const program = name === undefined ? undefined : programs[name];
if (name !== undefined && !program) fail(`unknown program ${name}; there are: ${Object.keys(programs).join(', ')}`);
if (process.platform !== 'linux')
  fail('Flotilla runs on Linux (network namespaces, Envoy and NATS binaries); use a Linux machine or virtual machine');

const seconds =
  (await step('installing Node 24 and pnpm below .cache', installToolchain)) +
  (await step('installing the packages of the lock file', installWorkspace)) +
  (await step(
    'generating code from .proto files',
    () => run('node', ['tools/codegen/src/main.ts'], { cwd: root, env: toolPath() }),
    { tells: true },
  )) +
  (needBinaries.includes(name)
    ? await step('fetching Envoy and NATS', () => installBinaries(name), { tells: true })
    : 0);
if (name === 'test' || name === 'demo') await installSystemTools({ noInstall });
if (seconds > 2) console.error(`setup: ready after ${seconds.toFixed(0)} s`);

if (program) {
  const [command, ...rest] = program;
  if (command === 'node' && !existsSync(join(root, rest[0]))) fail(`${rest[0]} is not in this checkout`);
  process.exit(
    await runProgram(command, [...rest, ...args.filter((arg) => arg !== '--no-install')], {
      cwd: root,
      env: toolPath(),
    }),
  );
}
