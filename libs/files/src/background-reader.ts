import { Worker } from 'node:worker_threads';
import { buildProblem } from '@flotilla/model';
import type { FileFound } from './read-file.ts';

export interface BackgroundLimits {
  /** For one file. */
  readonly deadlineMs: number;
  /** Of the worker's heap; a document at its limit of tokens takes some 400 MB. */
  readonly heapMb: number;
}
const backgroundLimits: BackgroundLimits = { deadlineMs: 30_000, heapMb: 640 };
export interface BackgroundOptions extends Partial<BackgroundLimits> {
  /** The worker's program: takes paths, gives what was found. */
  readonly program?: URL;
}

interface Job {
  readonly path: string;
  readonly size: number;
  readonly done: (found: FileFound) => void;
}
/** A worker without work ends after this long. */
const idleMs = 10_000;

/**
 * Reads large files in a worker thread, the smallest first, one at a time. At the deadline, or when its heap is full,
 * the worker is ended; that file has a problem, and another worker reads the next one. There is no worker before the
 * first file.
 */
export class BackgroundReader {
  readonly #limits: BackgroundLimits;
  readonly #program: URL;
  readonly #waiting: Job[] = [];
  #worker: Worker | undefined;
  #current: Job | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor({ program = new URL('./reader-worker.ts', import.meta.url), ...limits }: BackgroundOptions = {}) {
    this.#program = program;
    this.#limits = { ...backgroundLimits, ...limits };
  }

  /** What is in a file of about `size` bytes. Never rejects; never resolves after `close`. */
  read(path: string, size: number): Promise<FileFound> {
    return new Promise((done) => {
      this.#waiting.push({ path, size, done });
      this.#next();
    });
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    void this.#worker?.terminate();
  }

  #next(): void {
    if (this.#current || this.#isClosed) return;
    clearTimeout(this.#timer);
    const smallest = this.#waiting.reduce<Job | undefined>(
      (least, job) => (least && least.size <= job.size ? least : job),
      undefined,
    );
    if (!smallest) {
      this.#timer = setTimeout(() => this.#end(), idleMs).unref();
      return void this.#worker?.unref();
    }
    this.#waiting.splice(this.#waiting.indexOf(smallest), 1);
    this.#current = smallest;
    const { deadlineMs } = this.#limits;
    this.#timer = setTimeout(
      () => this.#fail(`reading it took longer than ${deadlineMs / 1000} s; split it`),
      deadlineMs,
    );
    this.#worker ??= this.#start();
    this.#worker.ref();
    this.#worker.postMessage(smallest.path);
  }

  #start(): Worker {
    const worker = new Worker(this.#program, {
      resourceLimits: { maxOldGenerationSizeMb: this.#limits.heapMb },
      execArgv: [],
    });
    const ifCurrent = (act: () => void) => (): void => (this.#worker === worker ? act() : undefined);
    worker.on('message', (found: FileFound) => ifCurrent(() => this.#finish(found))());
    worker.on('error', (error: NodeJS.ErrnoException) =>
      ifCurrent(() =>
        this.#fail(
          error.code === 'ERR_WORKER_OUT_OF_MEMORY'
            ? `reading it takes more than ${this.#limits.heapMb} MB; split it`
            : error.message,
        ),
      )(),
    );
    worker.on(
      'exit',
      ifCurrent(() => this.#fail('its reader ended unexpectedly')),
    );
    return worker;
  }

  #finish(found: FileFound): void {
    const done = this.#current?.done;
    this.#current = undefined;
    done?.(found);
    this.#next();
  }

  #fail(message: string): void {
    this.#end();
    const problem = buildProblem('over-limit', { detail: message });
    if (this.#current) this.#finish({ path: this.#current.path, problem, readAt: Date.now() });
  }

  #end(): void {
    void this.#worker?.terminate();
    this.#worker = undefined;
  }
}
