import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { cleanIptablesCommand, iptablesCommand, type IptablesCommandOptions } from '@flotilla/agent-service';
import type { Area } from '../area.ts';
import { eachCase, firstDifference, type Answer } from '../compare.ts';
import { findFolders } from '../corpus/folders.ts';

interface Case {
  readonly args: readonly string[];
  readonly equivalentArgs?: readonly string[];
  readonly realBinaryMatchesUpstreamGolden?: boolean;
  readonly env: Readonly<Record<string, string>>;
  readonly interfaceAddresses?: readonly string[];
  readonly resolvConf: string;
  readonly exitCode?: number;
  readonly stderr?: string;
}
const read = (path: string, file: string): string => readFileSync(join(path, file), 'utf8');
const caseIn = (path: string): Case => JSON.parse(read(path, 'case.json')) as Case;

/** Runs `pilot-agent istio-iptables --dry-run` and `istio-clean-iptables --dry-run`. */
export const iptables: Area = {
  about: 'istio-iptables and istio-clean-iptables must give the same rules, in order within a table',
  folders: ['iptables', 'more/iptables'],
  find: (folder) =>
    findFolders(folder, ['cases', 'clean', 'upstream']).filter(
      (path) => caseIn(path).realBinaryMatchesUpstreamGolden !== false,
    ),
  compare: (run) => eachCase(run, compareRules),
};

async function compareRules(path: string): Promise<Answer> {
  const one = caseIn(path);
  const isClean = basename(dirname(path)) === 'clean';
  const command = isClean ? cleanIptablesCommand : iptablesCommand;
  const args = one.equivalentArgs ?? one.args;
  const restored = await runCommand(command, one, args);
  const lines = await runCommand(command, one, isClean ? args : [...args, '--restore-format=false']);
  const { exitCode = 0, stderr = '' } = one;
  const golden = existsSync(join(path, 'golden.txt')) ? 'golden.txt' : 'commands.txt';
  const expected =
    exitCode === 0
      ? {
          exitCode,
          stderr,
          commands: commandTables(read(path, golden).split('\n')),
          ...(existsSync(join(path, 'restore-v4.rules'))
            ? { v4: restoreTables(read(path, 'restore-v4.rules')), v6: restoreTables(read(path, 'restore-v6.rules')) }
            : {}),
        }
      : { exitCode, stderr };
  const all = {
    exitCode: restored.exitCode,
    stderr: restored.stderr,
    commands: commandTables(loggedLines(lines.stdout)),
    v4: restoreTables(restoreInput(restored.stdout, 'iptables-restore')),
    v6: restoreTables(restoreInput(restored.stdout, 'ip6tables-restore')),
  };
  const actual = Object.fromEntries(Object.entries(all).filter(([name]) => Object.hasOwn(expected, name)));
  return { difference: firstDifference(expected, actual), files: { stdout: restored.stdout, 'answer.json': all } };
}

interface Ran {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}
async function runCommand(
  command: (options: IptablesCommandOptions) => Promise<number>,
  { env, interfaceAddresses = ['10.0.0.1'], resolvConf }: Case,
  args: readonly string[],
): Promise<Ran> {
  const [out, err]: [string[], string[]] = [[], []];
  const exitCode = await command({
    args,
    env,
    pod: { addresses: interfaceAddresses, resolvConf },
    print: (text) => out.push(text),
    warn: (text) => err.push(text),
  });
  return { exitCode, stdout: out.join(''), stderr: err.join('') };
}

/** What a log says that iptables-restore is given. */
const restoreInput = (stdout: string, command: string): string =>
  stdout
    .split(`\tRunning ${command} with the following input:\n`)
    .slice(1)
    .map((rest) => rest.split(/\n(?=\S+\tinfo\t)/, 1).join(''))
    .join('\n');
/** The command lines that a log names, without its times. */
const loggedLines = (stdout: string): string[] => stdout.split('\n').map((line) => line.replace(/^\S+\tinfo\t/, ''));

/** Rules by table, each in its order. */
function restoreTables(text: string): Record<string, string[]> {
  const tables: Record<string, string[]> = {};
  let table = '';
  for (const line of text.split('\n').filter((one) => one.trim() !== '')) {
    if (line.startsWith('*')) table = line;
    else (tables[table] ??= []).push(line);
  }
  return tables;
}
function commandTables(lines: readonly string[]): Record<string, string[]> {
  const tables: Record<string, string[]> = {};
  for (const line of lines) {
    const [, table] = /^(ip6?tables -t \S+) /.exec(line) ?? [];
    if (table !== undefined) (tables[table] ??= []).push(line);
  }
  return tables;
}
