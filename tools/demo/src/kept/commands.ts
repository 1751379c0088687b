import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Command, CommanderError } from 'commander';
import { pilotAgent } from '../node/images.ts';
import { Unmet } from '../unmet.ts';
import type { KeptContainer, KeptPod } from './control-server.ts';
import { findContainer, findPod, findProxy, nameOf } from './find-pod.ts';
import { findKeptMesh, type KeptMesh } from './kept-mesh.ts';

const signalled = 128;
type Result = number | Promise<number>;

/** The names of the commands for a mesh that another terminal keeps running. */
export const keptCommands = ['ps', 'exec', 'logs', 'proxy'] as const;

/** Runs one of these commands with its arguments. Resolves with the exit code; throws Unmet and CommanderError. */
export async function runKeptCommand(args: readonly string[]): Promise<number> {
  let result: Result = 0;
  const mesh = await meshFor(args);
  const program = new Command('demo').exitOverride().enablePositionalOptions();
  program
    .command('ps')
    .description('list the pods')
    .option('--json', 'print JSON')
    .action(({ json }: { json?: boolean }) => {
      process.stdout.write(json ? `${JSON.stringify(mesh().pods.map(shown), null, 2)}\n` : table(mesh().pods));
    });
  program
    .command('exec <pod> <command...>')
    .description('run a command in a pod: demo exec sleep -- curl -s http://catalog')
    .option('-c, --container <name>', 'the container; by default the application')
    .passThroughOptions()
    .action((pod: string, command: string[], { container }: { container?: string }) => {
      result = runIn(mesh(), findContainer(findPod(mesh().pods, pod), container), command);
    });
  program
    .command('logs <pod>')
    .description('print the log of a pod')
    .option('-c, --container <name>', 'the container; by default the application')
    .option('-f, --follow', 'keep printing new lines')
    .action((pod: string, { container, follow }: { container?: string; follow?: boolean }) => {
      const { logFile } = findContainer(findPod(mesh().pods, pod), container);
      result = run(['tail', '-n', '+1', ...(follow ? ['-F'] : []), logFile]);
    });
  program
    .command('proxy <pod> <path>')
    .description("print a page of the admin interface of a pod's Envoy: config_dump, clusters, listeners, stats ...")
    .action((pod: string, path: string) => {
      const container = findProxy(findPod(mesh().pods, pod));
      result = runIn(mesh(), container, [...pilotAgent, 'request', 'GET', path]);
    });
  program.parse([...args], { from: 'user' });
  return result;
}

/** Finds the mesh, unless only help is requested. */
async function meshFor(args: readonly string[]): Promise<() => KeptMesh> {
  let mesh: KeptMesh | undefined;
  if (!args.includes('--help') && !args.includes('-h')) mesh = await findKeptMesh();
  return () => {
    if (!mesh) throw new CommanderError(0, 'help', '');
    return mesh;
  };
}

const runIn = (mesh: KeptMesh, { enter, env }: KeptContainer, command: readonly string[]): Promise<number> =>
  run([...mesh.enter, ...enter, ...command], env);

/** Runs a program in this terminal. */
async function run(
  [program = '', ...args]: readonly string[],
  env?: Readonly<Record<string, string>>,
): Promise<number> {
  const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
  const child = spawn(program, args, { stdio: 'inherit', ...(env ? { env: { PATH: path, ...env } } : {}) });
  const end = once(child, 'exit').catch((thrown: Error) => {
    throw new Unmet(`${program} could not be started: ${thrown.message}`);
  });
  const [code] = (await end) as [number | null];
  return code ?? signalled;
}

const shown = (pod: KeptPod) => ({
  namespace: pod.namespace,
  name: pod.name,
  ip: pod.ip,
  ready: pod.isReady,
  containers: pod.containers.map(({ name, isRunning, restarts, logFile }) => ({ name, isRunning, restarts, logFile })),
});

function table(pods: readonly KeptPod[]): string {
  const rows = [
    ['POD', 'ADDRESS', 'READY', 'RESTARTS', 'CONTAINERS'],
    ...pods.map((pod) => [
      nameOf(pod),
      pod.ip,
      pod.isReady ? 'yes' : 'no',
      String(pod.containers.reduce((sum, { restarts }) => sum + restarts, 0)),
      pod.containers.map(({ name }) => name).join(' '),
    ]),
  ];
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  const line = (row: readonly string[]): string =>
    row
      .map((text, column) => text.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  return `${rows.map(line).join('\n')}\n`;
}
