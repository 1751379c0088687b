import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

/** The folder of this checkout. */
export const checkout = resolve(import.meta.dirname, '../../..');
const monitoringPort = 15_014;
const startLimitMs = 60_000;
const stopLimitMs = 5000;

/** Flags without their dashes; a list is given once for each value. */
export type Flags = Readonly<Record<string, string | readonly string[]>>;
export interface ProgramOptions {
  readonly name: string;
  /** The loopback address of all its ports. */
  readonly address: string;
  /** Its TypeScript file, relative to the checkout. */
  readonly file: string;
  readonly flags: Flags;
  /** Where its output is kept. */
  readonly logFile: string;
  readonly env?: Readonly<Record<string, string>>;
  /** A command that runs the program given to it, as `faketime -1d`. */
  readonly wrapper?: readonly string[];
  /** It starts programs of its own, which it ends when it is told to stop. */
  readonly hasChildren?: boolean;
}

/**
 * A program of this checkout as a process group of its own. It ends with this process, however that ends: the kernel
 * sends it a signal (prctl(2), PR_SET_PDEATHSIG).
 */
export class Program {
  readonly options: ProgramOptions;
  #child: ChildProcess | undefined;

  constructor(options: ProgramOptions) {
    this.options = options;
  }

  get name(): string {
    return this.options.name;
  }

  get address(): string {
    return this.options.address;
  }

  get logFile(): string {
    return this.options.logFile;
  }

  /** Undefined while it does not run. */
  get pid(): number | undefined {
    return this.isRunning ? this.#child?.pid : undefined;
  }

  get isRunning(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** How it ended, in words; undefined while it runs. */
  get ending(): string | undefined {
    if (this.#child === undefined || this.isRunning) return undefined;
    return this.#child.signalCode ?? `exit code ${this.#child.exitCode}`;
  }

  start(): void {
    const { file, flags, logFile, env, wrapper = [], hasChildren = false } = this.options;
    const args = Object.entries(flags).flatMap(([flag, value]) =>
      [value].flat().flatMap((each) => [`--${flag}`, each]),
    );
    const log = openSync(logFile, 'a', 0o600);
    try {
      const [command = '', ...rest] = [
        'setpriv',
        '--pdeathsig',
        hasChildren ? 'TERM' : 'KILL',
        ...wrapper,
        process.execPath,
        join(checkout, file),
        ...args,
      ];
      this.#child = spawn(command, rest, {
        cwd: checkout,
        env: { ...process.env, ...env },
        stdio: ['ignore', log, log],
        detached: true,
      });
    } finally {
      closeSync(log);
    }
    this.#child.on('error', () => {});
  }

  /** Resolves when it answers that it is ready; throws when it ends or is not ready in time. */
  async ready(limitMs = startLimitMs): Promise<void> {
    for (const until = Date.now() + limitMs; Date.now() < until; await pause(50)) {
      if (this.ending !== undefined) throw new Error(`${this.name} ended (${this.ending}): ${this.logTail()}`);
      const answer = await fetch(`http://${this.address}:${monitoringPort}/ready`, {
        signal: AbortSignal.timeout(2000),
      }).catch(() => undefined);
      if (answer?.ok) return;
    }
    throw new Error(`${this.name} was not ready within ${limitMs / 1000} s: ${this.logTail()}`);
  }

  /** Sends a signal to it and to everything that it has started. */
  signal(signal: NodeJS.Signals): void {
    if (this.#child?.pid === undefined) return;
    try {
      process.kill(-this.#child.pid, signal);
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code !== 'ESRCH') throw thrown;
    }
  }

  /** Ends it without notice. */
  async kill(): Promise<void> {
    const ended = this.#ended();
    this.signal('SIGKILL');
    await ended;
  }

  /** Lets it end by itself, and ends it when that takes too long. */
  async stop(): Promise<void> {
    if (!this.isRunning) return;
    const ended = this.#ended();
    this.#child?.kill('SIGTERM');
    const timer = setTimeout(() => this.signal('SIGKILL'), stopLimitMs);
    await ended;
    clearTimeout(timer);
    this.signal('SIGKILL');
  }

  async #ended(): Promise<void> {
    if (this.#child && this.isRunning) await once(this.#child, 'exit');
  }

  /** Bytes that it has written so far. */
  get logSize(): number {
    return existsSync(this.logFile) ? statSync(this.logFile).size : 0;
  }

  /** What it has written from a place on, at most `maxBytes` from there. */
  logSince(start: number, maxBytes = 8 << 20): string {
    if (!existsSync(this.logFile)) return '';
    const file = openSync(this.logFile, 'r');
    try {
      const bytes = Buffer.alloc(Math.max(0, Math.min(this.logSize - start, maxBytes)));
      return bytes.subarray(0, readSync(file, bytes, 0, bytes.length, start)).toString('utf8');
    } finally {
      closeSync(file);
    }
  }

  /** The end of what it has written. */
  logTail(maxBytes = 2000): string {
    return this.logSince(Math.max(0, this.logSize - maxBytes));
  }
}
