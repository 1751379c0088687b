/**
 * The watchdog's own thread: notices that the main thread is stuck, says where, and ends the process. It is given to
 * its thread as plain JavaScript, because a thread that strips types itself needs 17 MB more; so it imports nothing of
 * ours but types.
 */
import { readFileSync, write } from 'node:fs';
import { mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { Session } from 'node:inspector';
import { dirname } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { Script } from 'node:vm';
import { parentPort, workerData } from 'node:worker_threads';

/** What both threads see: `cells` has a place for each of `cell`. */
export interface WatchdogData {
  readonly watchdog: true;
  readonly cells: Int32Array;
  /** What is worked on: a hash of its content or nothing, a line end, its name. */
  readonly note: Uint8Array;
  readonly stackAfterMs: number;
  readonly exitAfterMs: number;
  readonly exitCode: number;
  readonly service: string;
  readonly format: 'text' | 'json';
}
/** Where the file is that what made the process hang is noted in. */
export interface WatchdogOrder {
  readonly quarantineFile: string;
}
/** An object on which a process was stuck until it was ended; `since` in ISO 8601. */
export interface QuarantinedObject {
  readonly hash: string;
  readonly name: string;
  readonly since: string;
}

export interface Sample {
  /** This thread's clock, in milliseconds. */
  readonly at: number;
  /** Grows whenever the main thread comes around. */
  readonly beat: number;
  /** How long the main thread has waited for a processor so far, in milliseconds. */
  readonly waited: number;
}

/**
 * Adds up how long the main thread has been stuck, by samples taken every `tickMs`. What does not count: the time it
 * waited for a processor, and ticks that came late, since then this thread did not run either (a process that was
 * stopped, a machine that was suspended).
 */
export function createStuckMeter(tickMs: number): (sample: Sample) => number {
  let last: Sample | undefined;
  let stuckMs = 0;
  return (sample) => {
    const elapsed = last ? sample.at - last.at : 0;
    if (last?.beat !== sample.beat) stuckMs = 0;
    else if (elapsed <= 2 * tickMs) stuckMs += Math.min(elapsed, Math.max(0, elapsed - (sample.waited - last.waited)));
    last = sample;
    return stuckMs;
  };
}

/** Ticks within the shorter of the two thresholds. */
const ticks = 5;
const answerMs = 1000;
/**
 * Runs on the main thread in the middle of what it does, between two of its instructions, and leaves nothing behind.
 */
const whereIsIt = `(() => {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 30;
  const { stack } = new Error();
  Error.stackTraceLimit = limit;
  let within = [];
  try { within = globalThis[Symbol.for('flotilla.within')]?.() ?? []; } catch {}
  return { stack: String(stack).split('\\n').slice(3).map((line) => line.trim()), within };
})()`;
interface Where {
  readonly stack?: readonly string[];
  readonly within?: readonly string[];
}

/** The least length of the file, as galley creates it, so that there is room for some objects on a full disk. */
const reservedBytes = 8192;
const pause = (ms: number): Promise<undefined> => new Promise((resolve) => setTimeout(() => resolve(undefined), ms));

/**
 * The time that the main thread, whose number is the process's, has waited on a run queue; without the kernel's word,
 * all the time that it did not compute.
 */
function waitedMs(time: number): number {
  try {
    const nanoseconds = Number(readFileSync('/proc/self/schedstat', 'latin1').split(' ')[1]);
    if (nanoseconds >= 0) return nanoseconds / 1e6;
  } catch {
    // Not Linux, or a kernel without it.
  }
  const [all, thisThread] = [process.cpuUsage(), process.threadCpuUsage()];
  return time - (all.user + all.system - thisThread.user - thisThread.system) / 1000;
}

/** Runs an expression on the main thread; undefined when it does not get to it in time. */
function evaluate(expression: string): Promise<unknown> {
  const session = new Session();
  const answered = new Promise<unknown>((resolve) => {
    session.connectToMainThread();
    session.post('Runtime.evaluate', { expression, returnByValue: true }, (error, answer) =>
      resolve(error ? undefined : answer.result.value),
    );
  });
  return Promise.race([answered, pause(answerMs)])
    .catch(() => undefined)
    .finally(() => session.disconnect());
}

const whereItIs = async (): Promise<Where> => ((await evaluate(whereIsIt)) ?? {}) as Where;

const written = (objects: readonly QuarantinedObject[]): Buffer =>
  Buffer.from(`${JSON.stringify({ objects }, null, 1)}\n`);

/**
 * Overwrites a file without making it longer, which a full disk allows: first the blank space that galley reserved is
 * used, then the oldest objects are dropped. Throws when there is no file, or no room for one object.
 */
async function writeInPlace(file: string, objects: readonly QuarantinedObject[]): Promise<void> {
  const opened = await open(file, 'r+');
  try {
    const { size } = await opened.stat();
    let kept = objects;
    while (kept.length > 1 && written(kept).length > size) kept = kept.slice(1);
    const text = written(kept);
    if (text.length > size) throw new Error('there is no room in it');
    await opened.write(Buffer.concat([text, Buffer.alloc(size - text.length, ' ')]), 0, size, 0);
    await opened.sync();
  } finally {
    await opened.close();
  }
}

/** Adds an object to the file by replacing the file; if that fails, overwrites it in place. */
async function quarantine(file: string, object: QuarantinedObject): Promise<void> {
  let objects: readonly QuarantinedObject[] = [];
  try {
    // eslint-disable-next-line no-restricted-properties -- The file is this thread's own, which can't import readers.
    const read = JSON.parse(await readFile(file, 'utf8')) as { objects?: readonly QuarantinedObject[] };
    if (Array.isArray(read.objects)) objects = read.objects.slice(-999).filter((one) => one.hash !== object.hash);
  } catch {
    // There is no file yet, or it can't be read: the list starts empty.
  }
  const all = [...objects, object];
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    await writeFile(`${file}.new`, written(all).toString().padEnd(reservedBytes), { mode: 0o600, flush: true });
    await rename(`${file}.new`, file);
  } catch (thrown) {
    await rm(`${file}.new`, { force: true }).catch(() => {});
    await writeInPlace(file, all).catch(() => {
      throw thrown;
    });
  }
}

/**
 * Ends a process that is the first one of its container: signals from within do not reach that, not even SIGKILL
 * (pid_namespaces(7)), but a fault of its own does, and V8 has an instruction for one. `process.abort` does not exist
 * on threads.
 */
function crash(): void {
  setFlagsFromString('--allow-natives-syntax');
  new Script('%SystemBreak()').runInThisContext();
}

function watch(data: WatchdogData): void {
  const { cells, stackAfterMs, exitAfterMs, exitCode, service, format } = data;
  const tickMs = Math.min(...[stackAfterMs, exitAfterMs].filter((ms) => ms > 0)) / ticks;
  const meter = createStuckMeter(tickMs);
  let quarantineFile: string | undefined;
  let reported = false;
  let ending = false;
  /** Writes that a disk or a reader of the log has not taken yet. */
  let pending = 0;
  parentPort?.on('message', (order: WatchdogOrder) => (quarantineFile = order.quarantineFile));

  const log = (level: 'error' | 'info', message: string, fields: Readonly<Record<string, unknown>>): void => {
    const time = new Date().toISOString();
    const rest = Object.entries(fields).filter(([, value]) => value !== undefined && value !== '');
    const text =
      format === 'json'
        ? JSON.stringify({ level, time, service, scope: 'watchdog', ...Object.fromEntries(rest), msg: message })
        : [time, level, 'watchdog', message, ...rest.map(([name, value]) => `${name}=${JSON.stringify(value)}`)].join(
            '\t',
          );
    pending += 1;
    write(2, `${text}\n`, () => (pending -= 1));
  };
  const noted = (): { readonly hash: string; readonly name: string } => {
    const [hash = '', name = ''] = new TextDecoder()
      .decode(data.note.slice(0, Atomics.load(cells, cell.noteLength)))
      .split('\n');
    return { hash, name };
  };
  const report = async (): Promise<void> => {
    Atomics.add(cells, cell.stuck, 1);
    const { name } = noted();
    const { stack = 'none: it is in native code', within } = await whereItIs();
    log('error', `the event loop is stuck for ${stackAfterMs / 1000} s`, {
      workingOn: name,
      within: within?.length ? within : undefined,
      stack,
    });
  };
  const end = async (): Promise<void> => {
    const { hash, name } = noted();
    let isQuarantined = false;
    if (quarantineFile !== undefined && hash !== '') {
      pending += 1;
      const adding = quarantine(quarantineFile, { hash, name, since: new Date().toISOString() })
        .then(() => (isQuarantined = true))
        .finally(() => (pending -= 1));
      await Promise.race([adding, pause(2 * answerMs)]).catch((thrown: unknown) =>
        log('error', 'the quarantine could not be written', { file: quarantineFile, reason: String(thrown) }),
      );
    }
    log('error', `the event loop is stuck for ${exitAfterMs / 1000} s: the process ends`, {
      workingOn: name,
      quarantinedIn: isQuarantined ? quarantineFile : undefined,
    });
    await pause(50);
    // The exit code is the main thread's to give. In native code it can't, and it would wait for what this thread waits
    // for.
    if (pending === 0) await evaluate(`process.exit(${exitCode})`);
    process.kill(process.pid, 'SIGKILL');
    crash();
  };

  setInterval(() => {
    const now = performance.now();
    const beat = Atomics.load(cells, cell.debugger) === 1 ? now : Atomics.load(cells, cell.beat);
    const stuckMs = meter({ at: now, beat, waited: waitedMs(now) });
    if (stuckMs === 0) {
      if (reported && !ending) log('info', 'the event loop runs again', {});
      reported = false;
    } else if (exitAfterMs > 0 && stuckMs >= exitAfterMs && !ending) {
      ending = true;
      void end();
    } else if (stackAfterMs > 0 && stuckMs >= stackAfterMs && !reported) {
      reported = true;
      void report();
    }
  }, tickMs);
}

/**
 * Places in `cells`: the main thread's beat, whether a debugger is attached, how often it was stuck, how long the note
 * is.
 */
export const cell = { beat: 0, debugger: 1, stuck: 2, noteLength: 3 } as const;
const isWatchdogData = (value: unknown): value is WatchdogData =>
  typeof value === 'object' && value !== null && 'watchdog' in value;
if (isWatchdogData(workerData)) watch(workerData);
