import { isTrue } from '@flotilla/rules';
import { execFile } from 'node:child_process';
import {
  buildCleanCommands,
  buildRules,
  buildSettings,
  commandLines,
  describeEnvironment,
  describeSettings,
  iptablesFlags,
  parseFlags,
  restoreText,
} from '@flotilla/agent-iptables';
import type { FlagSpec, IptablesSettings, Rule } from '@flotilla/agent-iptables';
import type { Environment } from '@flotilla/agent-bootstrap';
import { parseResolvConf } from '@flotilla/agent-dns';
import { podInterfaces, readOptional } from './pod-info.ts';

export interface IptablesCommandOptions {
  readonly args: readonly string[];
  readonly env: Environment;
  /** Standard output. */
  print(text: string): void;
  /** Standard error; a whole line. */
  warn(text: string): void;
  /** What is known of the pod; by default what the system says. */
  readonly pod?: PodFacts;
}
/** What the rules depend on in addition to flags and environment. */
export interface PodFacts {
  readonly addresses: readonly string[];
  /** Text of /etc/resolv.conf and of /etc/passwd, as far as they exist. */
  readonly resolvConf?: string;
  readonly passwd?: string;
}
const readPod = async (): Promise<PodFacts> => ({
  addresses: podInterfaces().map(({ address }) => address),
  resolvConf: await readOptional('/etc/resolv.conf'),
  passwd: await readOptional('/etc/passwd'),
});

const flagSpecs: readonly FlagSpec[] = [
  ...iptablesFlags,
  { name: 'log_output_level', fallback: '', usage: 'log levels, for the injected command line' },
];
const maxOutput = 16 << 20;

/** Runs a command with `input`; its failure carries what it said on standard error. */
function run(command: string, args: readonly string[], input = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(command, args, { maxBuffer: maxOutput }, (error, stdout, stderr) =>
      error ? reject(new Error(`${command} ${args.join(' ')}: ${stderr.trim() || error.message}`)) : resolve(stdout),
    );
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
  });
}

interface Failure {
  readonly exitCode: number;
  readonly error: string;
}
interface Prepared {
  readonly settings: IptablesSettings;
  on(flag: string): boolean;
}

function prepare(
  { args, env }: IptablesCommandOptions,
  { addresses, resolvConf = '', passwd = '' }: PodFacts,
): Prepared | Failure {
  const parsed = parseFlags(flagSpecs, args);
  if (!parsed.ok) return { exitCode: 255, error: `Error: ${parsed.error}` };
  const user = env['ENVOY_USER'] || 'istio-proxy';
  const proxyUid = passwd
    .split('\n')
    .find((line) => line.startsWith(`${user}:`))
    ?.split(':')[2];
  const { nameservers } = parseResolvConf(resolvConf);
  const settings = buildSettings(parsed.value.flags, env, {
    addresses,
    nameservers,
    ...(proxyUid ? { proxyUid } : {}),
  });
  if (!settings.ok) return { exitCode: 2, error: `panic: ${settings.error}` };
  const on = (name: string): boolean =>
    isTrue(parsed.value.flags.get(name) ?? flagSpecs.find((spec) => spec.name === name)?.fallback);
  return { settings: settings.value, on };
}

const logLine = (message: string): string => `${new Date().toISOString()}\tinfo\t${message}\n`;

/**
 * `pilot-agent istio-iptables`: writes the rules with iptables-restore, or with --dry-run says what it would do.
 * Resolves with the exit code.
 */
export async function iptablesCommand(options: IptablesCommandOptions): Promise<number> {
  const prepared = prepare(options, options.pod ?? (await readPod()));
  if ('error' in prepared) return fail(prepared, options);
  const { settings, on } = prepared;
  if (on('skip-rule-apply')) return 0;
  const info = (message: string): void => options.print(logLine(message));
  const built = buildRules(settings);
  if (!built.ok) return fail({ exitCode: 2, error: `panic: ${built.error}` }, options);
  for (const problem of built.value.problems) options.warn(`${problem}\n`);
  info(describeEnvironment(options.env));
  info(describeSettings(settings));
  const dryRun = on('dry-run');
  const families = ['v4', 'v6'] as const;
  for (const family of families) {
    if (on('restore-format')) await restore(built.value.rules, { family, dryRun, info });
    else for (const line of commandLines(built.value.rules, family)) await runLine(line, { dryRun, info });
  }
  for (const command of settings.ipv6 ? ['iptables-save', 'ip6tables-save'] : ['iptables-save']) {
    info(`${command} `);
    if (!dryRun) options.print(await run(command, []));
  }
  if (dryRun) info('skipping configuring routes due to dry run mode');
  else await configureRoutes(settings);
  return 0;
}

interface How {
  readonly dryRun: boolean;
  info(message: string): void;
}

async function restore(rules: readonly Rule[], { family, dryRun, info }: How & { family: 'v4' | 'v6' }): Promise<void> {
  const command = family === 'v4' ? 'iptables-restore' : 'ip6tables-restore';
  const text = restoreText(rules, family);
  info(`Running ${command} with the following input:\n${text.trim()}`);
  info(`${command} --noflush`);
  if (!dryRun && text !== '') await run(command, ['--noflush'], text);
}

async function runLine(line: string, { dryRun, info }: How): Promise<void> {
  info(line);
  const [command = '', ...args] = line.match(/"[^"]*"|\S+/g) ?? [];
  if (!dryRun)
    await run(
      command,
      args.map((arg) => arg.replace(/^"(.*)"$/, '$1')),
    );
}

/** Routes that bring marked packets to this pod (TPROXY), and the address that passes the proxy by, for IPv6. */
async function configureRoutes({
  interceptionMode,
  tproxyMark,
  tproxyRouteTable,
  ipv6,
}: IptablesSettings): Promise<void> {
  if (ipv6) await run('ip', ['-6', 'addr', 'add', '::6/128', 'dev', 'lo']).catch(ignoreExisting);
  if (interceptionMode !== 'TPROXY') return;
  for (const family of ipv6 ? ['-4', '-6'] : ['-4']) {
    await run('ip', [family, 'rule', 'add', 'fwmark', tproxyMark, 'lookup', tproxyRouteTable]).catch(ignoreExisting);
    await run('ip', [family, 'route', 'add', 'local', 'default', 'dev', 'lo', 'table', tproxyRouteTable]).catch(
      ignoreExisting,
    );
  }
}
function ignoreExisting(error: Error): void {
  if (!/File exists/.test(error.message)) throw error;
}

/** `pilot-agent istio-clean-iptables`: takes the rules away; what isn't there is passed over. */
export async function cleanIptablesCommand(options: IptablesCommandOptions): Promise<number> {
  // A pod that has lost its addresses may still have rules, and both families are cleaned: any address will do.
  const pod = options.pod ?? (await readPod());
  const prepared = prepare(options, { ...pod, addresses: ['192.0.2.1'] });
  if ('error' in prepared) return fail(prepared, options);
  const dryRun = prepared.on('dry-run');
  for (const line of buildCleanCommands(prepared.settings)) {
    options.print(logLine(line));
    const [command = '', ...args] = line.split(' ');
    if (!dryRun) await run(command, args).catch(() => undefined);
  }
  for (const command of ['iptables-save', 'ip6tables-save']) {
    options.print(logLine(`${command} `));
    if (!dryRun) options.print(await run(command, []).catch(() => ''));
  }
  return 0;
}

function fail({ exitCode, error }: Failure, { warn }: IptablesCommandOptions): number {
  warn(`${error}\n`);
  return exitCode;
}
