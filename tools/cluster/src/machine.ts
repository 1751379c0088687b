import { spawn } from 'node:child_process';
import { existsSync, openSync, closeSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pause } from '@flotilla/std';
import { findProgram, run } from './programs.ts';

/**
 * Where the processes of one cluster run, identified by the folder of its state. If they have namespaces of their own
 * (network, mounts, processes), the first process keeps these open, and everything in them ends with it.
 */
export class Machine {
  readonly folder: string;
  readonly #isApart: boolean;

  constructor(folder: string, { apart }: { readonly apart: boolean }) {
    this.folder = folder;
    this.#isApart = apart;
  }

  /** Makes the namespaces. Called once, before anything is started in them. */
  enter(): void {
    const keep = 'mount --make-rprivate / && ip link set lo up && touch ready && while :; do sleep 3600 & wait; done';
    const unshare = ['unshare', '--net', '--mount', '--pid', '--fork', '--mount-proc', '--kill-child=SIGKILL'];
    this.#spawn('machine', [...unshare, 'bash', '-c', keep]);
  }

  /** Starts a program in the background; its output goes to NAME.log. */
  start(name: string, command: readonly string[]): void {
    this.#spawn(name, this.#within(command));
  }

  /** Runs a program to its end and returns its standard output. Throws when it fails. */
  run(command: readonly string[], input?: string): string {
    return run(this.#within(command), { cwd: this.folder, ...(input === undefined ? {} : { input }) });
  }

  /** Sends a signal to the program that was started under a name, unless it has ended. */
  signal(name: string, signal: NodeJS.Signals): void {
    const pid = this.#pidOf(name);
    if (pid === undefined) return;
    try {
      process.kill(pid, signal);
    } catch {
      // It has ended.
    }
  }

  /** Resolves when the program that was started under a name has ended. */
  async ended(name: string): Promise<void> {
    while (this.isRunning(name)) await pause(20);
  }

  /** Whether the program that was started under a name still runs. */
  isRunning(name: string): boolean {
    const pid = this.#outerPidOf(name);
    return pid !== undefined && isAlive(pid);
  }

  /**
   * Resolves when `isUp` holds. Rejects with the end of the program's log when it does not within `seconds`, or when
   * the program has ended.
   */
  async waitFor(name: string, seconds: number, isUp: () => boolean | Promise<boolean>): Promise<void> {
    for (const until = Date.now() + seconds * 1000; Date.now() < until; await pause(50)) {
      if (await isUp()) return;
      if (!this.isRunning(name)) break;
    }
    const log = join(this.folder, `${name}.log`);
    const lines = existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n').slice(-5).join('\n') : '';
    throw new Error(`${name} did not come up within ${seconds} s; see ${log}\n${lines}`);
  }

  /** The id of the first process in the namespaces; undefined when there are none. */
  get first(): number | undefined {
    return this.#pidOf('machine');
  }

  /** The command, entering the namespaces. */
  #within(command: readonly string[]): readonly string[] {
    if (!this.#isApart) return command;
    const { first } = this;
    if (first === undefined) throw new Error(`no cluster runs in ${this.folder}`);
    const enter = ['nsenter', `--target=${first}`, '--net', '--mount', '--pid', '--'];
    return [...enter, 'sh', '-c', 'cd "$0" && exec "$@"', this.folder, ...command];
  }

  #spawn(name: string, command: readonly string[]): void {
    const log = openSync(join(this.folder, `${name}.log`), 'w');
    const [program = '', ...args] = command;
    const child = spawn(findProgram(program) ?? program, args, {
      cwd: this.folder,
      detached: true,
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    child.unref();
    if (child.pid === undefined) throw new Error(`${program} can't be started: is it installed?`);
    writeFileSync(join(this.folder, `${name}.pid`), String(child.pid));
  }

  /**
   * The id of the process that was started: unshare or nsenter where there are namespaces, which end with their
   * program.
   */
  #outerPidOf(name: string): number | undefined {
    const file = join(this.folder, `${name}.pid`);
    return existsSync(file) ? Number(readFileSync(file, 'utf8')) : undefined;
  }

  /** The id of the program itself, the only child of unshare or nsenter; undefined when it has ended. */
  #pidOf(name: string): number | undefined {
    const outer = this.#outerPidOf(name);
    if (outer === undefined || !this.#isApart) return outer;
    const children = `/proc/${outer}/task/${outer}/children`;
    const [inner = ''] = existsSync(children) ? readFileSync(children, 'utf8').split(' ') : [];
    return inner === '' ? undefined : Number(inner);
  }
}

function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
