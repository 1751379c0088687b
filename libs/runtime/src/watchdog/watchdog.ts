import { readFileSync } from 'node:fs';
import { url as debuggerUrl } from 'node:inspector';
import { stripTypeScriptTypes } from 'node:module';
import { Worker } from 'node:worker_threads';
import type { LogFormat } from '@flotilla/observability';
import { noActivity, type Activity, type Logger, type Metrics } from '@flotilla/observability-port';
import { messageOf, printable, setting } from '@flotilla/std';
import { cell, type WatchdogData, type WatchdogOrder } from './worker.ts';

/** EX_SOFTWARE of sysexits.h: how a process ends that its watchdog ended. Where only a signal works it is SIGKILL. */
const stuckExitCode = 70;

export const watchdogSettings = () => ({
  watchdogStackAfter: setting.durationOrNone(
    'how long the event loop may be stuck before a stack is logged (0: never)',
    '5s',
  ),
  watchdogExitAfter: setting.durationOrNone(
    'how long the event loop may be stuck before the process ends, to be started again (0: never)',
    '30s',
  ),
});

export interface WatchdogOptions {
  readonly service: string;
  readonly format: LogFormat;
  readonly stackAfterMs: number;
  readonly exitAfterMs: number;
  readonly log: Logger;
  readonly metrics: Metrics;
}
export interface Watchdog {
  readonly activity: Activity;
  /** From now on objects that the process hangs on are added to this file. */
  quarantineIn(file: string): void;
}

const noteBytes = 2048;
const beatsPerThreshold = 5;

/**
 * Watches this process's event loop from a thread of its own. Once it has been stuck for `stackAfterMs`, a stack and
 * what is worked on are logged; after `exitAfterMs` the process ends with `stuckExitCode`. While it is stuck no health
 * check is answered, which is how liveness fails. A process that is stopped, starved of a processor or being debugged
 * is not stuck. The thread does not keep the process alive.
 */
export function startWatchdog(options: WatchdogOptions): Watchdog {
  const { service, format, stackAfterMs, exitAfterMs, log, metrics } = options;
  const stuck = metrics.counter(
    'event_loop_stuck_total',
    'How often the event loop was stuck for --watchdog-stack-after.',
  );
  stuck.add(0);
  const thresholds = [stackAfterMs, exitAfterMs].filter((ms) => ms > 0);
  if (thresholds.length === 0) return { activity: noActivity, quarantineIn: () => {} };
  const cells = new Int32Array(new SharedArrayBuffer(4 * Object.keys(cell).length));
  const note = new Uint8Array(new SharedArrayBuffer(noteBytes));
  const data: WatchdogData = {
    watchdog: true,
    cells,
    note,
    stackAfterMs,
    exitAfterMs,
    exitCode: stuckExitCode,
    service,
    format,
  };

  const beat = (): void => {
    Atomics.add(cells, cell.beat, 1);
    Atomics.store(cells, cell.debugger, debuggerUrl() === undefined ? 0 : 1);
    const times = Atomics.exchange(cells, cell.stuck, 0);
    if (times > 0) stuck.add(times);
  };
  beat();
  setInterval(beat, Math.min(...thresholds) / beatsPerThreshold).unref();

  const worker = new Worker(workerModule(), { workerData: data, env: {}, execArgv: [], name: 'watchdog' });
  worker.unref();
  worker.on('error', (error) =>
    log.scope('watchdog').warn('the event loop is no longer watched', { reason: messageOf(error) }),
  );
  return {
    activity: createActivity(cells, note),
    quarantineIn: (quarantineFile) => worker.postMessage({ quarantineFile } satisfies WatchdogOrder),
  };
}

/**
 * The worker as JavaScript, which it already is in an image; see there. Node would warn at each start that this call is
 * experimental: which Node makes it is pinned.
 */
function workerModule(): URL {
  const module = new URL('./worker.ts', import.meta.url);
  if (!module.pathname.endsWith('.ts')) return module;
  const source = readFileSync(module, 'utf8');
  const { emitWarning } = process;
  process.emitWarning = () => {};
  try {
    return new URL(`data:text/javascript,${encodeURIComponent(stripTypeScriptTypes(source))}`);
  } finally {
    process.emitWarning = emitWarning;
  }
}

function createActivity(cells: Int32Array, note: Uint8Array): Activity {
  const encoder = new TextEncoder();
  const lists: (() => readonly string[])[] = [];
  let current = '';
  const write = (text: string): void => {
    current = text;
    Atomics.store(cells, cell.noteLength, 0);
    Atomics.store(cells, cell.noteLength, text === '' ? 0 : encoder.encodeInto(text, note).written);
  };
  (globalThis as Record<symbol, unknown>)[Symbol.for('flotilla.within')] = (): readonly string[] =>
    lists.flatMap((list) => list().map((name) => printable(name)));
  return {
    during: ({ name, hash = '' }, work) => {
      const before = current;
      write(`${hash}\n${printable(name)}`);
      try {
        return work();
      } finally {
        write(before);
      }
    },
    within: (list) => void lists.push(list),
  };
}
