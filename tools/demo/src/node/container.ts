import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, fchownSync, openSync, readFileSync } from 'node:fs';
import type { Sandbox } from './sandbox.ts';

export interface ContainerOptions {
  readonly name: string;
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly user: number;
  readonly group: number;
  /** File that its output is appended to. */
  readonly logFile: string;
}
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Starts a command in the pod as a process group of its own, so that what it leaves behind ends with it. */
function start(sandbox: Sandbox, { command, env, user, group, logFile }: ContainerOptions): ChildProcess {
  const log = openSync(logFile, 'a');
  // A process that opens /dev/stdout again, as Envoy does for access logs, needs the right to.
  fchownSync(log, user, group);
  try {
    const [program = '', ...args] = [
      ...sandbox.enter,
      'setpriv',
      `--reuid=${user}`,
      `--regid=${group}`,
      '--clear-groups',
      ...command,
    ];
    return spawn(program, args, {
      env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', ...env },
      stdio: ['ignore', log, log],
      detached: true,
    });
  } finally {
    closeSync(log);
  }
}

const killGroup = (child: ChildProcess, signal: NodeJS.Signals): void => {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, signal);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'ESRCH') throw thrown;
  }
};
const exited = (child: ChildProcess): Promise<Exit> =>
  new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      killGroup(child, 'SIGKILL');
      resolve({ code, signal });
    });
  });

/**
 * Runs a container to its end, as Kubernetes does with init containers. Rejects, with the end of its log, when it
 * fails.
 */
export async function runToEnd(sandbox: Sandbox, options: ContainerOptions): Promise<void> {
  const { code, signal } = await exited(start(sandbox, options));
  if (code !== 0)
    throw new Error(
      `container ${options.name} failed (${signal ?? `exit code ${code}`}):\n${logTail(options.logFile)}`,
    );
}

/** The last lines of a log. */
export function logTail(file: string, lines = 15): string {
  return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
}

export interface Container {
  readonly name: string;
  readonly logFile: string;
  readonly env: Readonly<Record<string, string>>;
  readonly user: number;
  readonly group: number;
  readonly restarts: number;
  readonly isRunning: boolean;
  /** Ends it without notice; unless it is held, it is started again. */
  kill(): void;
  /** Ends it, with notice, and keeps it so. */
  hold(): Promise<void>;
  release(): void;
  close(): Promise<void>;
}

const backoff = { first: 250, most: 5000 };
const graceMs = 3000;

/**
 * A container that is started again whenever it ends:
 *
 *   running ── ends ──▶ waiting, each time longer ──▶ running
 *      └── hold ──▶ held ── release ──▶ running
 */
export function startContainer(sandbox: Sandbox, options: ContainerOptions): Container {
  let child = start(sandbox, options);
  let state: 'running' | 'waiting' | 'held' | 'closed' = 'running';
  let restarts = 0;
  let wait = backoff.first;
  let timer: NodeJS.Timeout | undefined;
  let ended = follow();

  function follow(): Promise<unknown> {
    const began = Date.now();
    return exited(child)
      .catch(() => undefined)
      .then(() => {
        if (state !== 'running') return;
        state = 'waiting';
        wait = Date.now() - began > 10_000 ? backoff.first : Math.min(wait * 2, backoff.most);
        timer = setTimeout(again, wait);
      });
  }
  function again(): void {
    restarts += 1;
    state = 'running';
    child = start(sandbox, options);
    ended = follow();
  }
  async function end(next: 'held' | 'closed'): Promise<void> {
    state = next;
    clearTimeout(timer);
    child.kill('SIGTERM');
    const late = setTimeout(() => killGroup(child, 'SIGKILL'), graceMs);
    await ended;
    clearTimeout(late);
  }
  return {
    name: options.name,
    logFile: options.logFile,
    env: options.env,
    user: options.user,
    group: options.group,
    get restarts() {
      return restarts;
    },
    get isRunning() {
      return state === 'running';
    },
    kill: () => killGroup(child, 'SIGKILL'),
    hold: () => end('held'),
    release: () => {
      if (state === 'held') again();
    },
    close: () => end('closed'),
  };
}
