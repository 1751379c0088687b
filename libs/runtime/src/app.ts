import { isatty } from 'node:tty';
import { CommanderError } from 'commander';
import {
  createLogger,
  createMetrics,
  defaultLogLimits,
  logFormats,
  parseLogLevels,
  type LogFormat,
} from '@flotilla/observability';
import { createTracer } from '@flotilla/observability/tracing';
import type { Observability, Pages } from '@flotilla/observability-port';
import { createDrains } from '@flotilla/server';
import { setting, type OptionsOf, type Setting } from '@flotilla/std';
import { boundHeapGrowth } from './memory.ts';
import { serveMonitoring } from './monitoring.ts';
import { parseOptions, type Program } from './options.ts';
import { exitCodeOf, explain, type Runner } from './runners.ts';
import { connectionSettings, createGuard, type ConnectionOptions, type Guard } from './server-settings.ts';
import { createShutdown } from './shutdown.ts';
import { createSupervisor, type Supervisor } from './supervisor.ts';
import { logUncaughtErrors } from './uncaught.ts';
import { startWatchdog, watchdogSettings, type Watchdog } from './watchdog/watchdog.ts';

type ConnectionSettings = { readonly [K in keyof ConnectionOptions]: Setting<ConnectionOptions[K]> };
export interface CommonSettings extends ConnectionSettings {
  readonly [name: string]: Setting<unknown>;
  readonly bind: Setting<string>;
  readonly monitoringPort: Setting<number>;
  readonly maxMonitoringConnections: Setting<number>;
  readonly logOutputLevel: Setting<string>;
  readonly logFormat: Setting<LogFormat>;
  readonly logLinesPerPeer: Setting<number>;
  readonly logLinesPerScope: Setting<number>;
  readonly logBytesPerPeer: Setting<number>;
  readonly logBytesPerScope: Setting<number>;
  readonly watchdogStackAfter: Setting<number>;
  readonly watchdogExitAfter: Setting<number>;
  readonly otlpEndpoint: Setting<string | undefined>;
  readonly drainDuration: Setting<number>;
  readonly traceFile: Setting<string | undefined>;
}

/** The settings of every app. */
export const commonSettings = (bind: string) => ({
  bind: setting.text('address of all ports', bind),
  monitoringPort: setting.port('health on /healthz/live and /ready, Prometheus on /metrics (0: any)', 15_014),
  maxMonitoringConnections: setting.count(
    'connections at once on the monitoring port; one more closes the longest idle',
    200,
  ),
  ...connectionSettings(),
  logOutputLevel: {
    ...setting.text('levels of logs by scope: default:info,ads:debug', 'default:info'),
    parse: (given: string) => {
      parseLogLevels(given);
      return given;
    },
  },
  logFormat: {
    ...setting.choice('format of logs', logFormats, { value: isatty(2) ? 'text' : 'json' }),
    written: 'text on a terminal, else json',
  },
  logLinesPerPeer: setting.count(
    'lines per minute that one peer, or one kind of problem, may add to a scope of the log',
    defaultLogLimits.perPeer,
  ),
  logLinesPerScope: setting.count('lines per minute of one scope of the log', defaultLogLimits.perScope),
  logBytesPerPeer: setting.count(
    'bytes of the lines that one peer, or one kind of problem, may add to a scope of the log in a minute',
    defaultLogLimits.bytesPerPeer,
  ),
  logBytesPerScope: setting.count(
    'bytes of the lines of one scope of the log in a minute',
    defaultLogLimits.bytesPerScope,
  ),
  ...watchdogSettings(),
  drainDuration: setting.durationOrNone(
    'time after SIGTERM in which the process still serves but is not ready, and disconnects its clients gradually (0: none)',
    '0',
    { env: 'DRAIN_DURATION' },
  ),
  otlpEndpoint: {
    ...setting.optionalText('OTLP/HTTP collector for traces, such as http://HOST:4318', {
      env: 'OTEL_EXPORTER_OTLP_ENDPOINT',
    }),
    parse: (given: string) => {
      if (!/^https?:$/.test(URL.parse(given)?.protocol ?? ''))
        throw new Error(`"${given}" is not the address of a collector, such as http://127.0.0.1:4318`);
      return given;
    },
  },
  traceFile: setting.optionalPath('file that finished spans are appended to, one JSON object per line'),
});

export interface AppContext {
  readonly observability: Observability;
  readonly signal: AbortSignal;
  /** What each server of the app is made with. */
  readonly guard: Guard;
  readonly watchdog: Pick<Watchdog, 'quarantineIn'>;
}
/** What an app consists of, and when it is ready; `pages` are served beside its metrics. */
export interface App {
  readonly runners: readonly Runner[];
  /** What it waits for before it is ready, by name: all of these must have resolved, and all runners must run. */
  readonly ready: Readonly<Record<string, Promise<unknown>>>;
  readonly pages?: Pages;
  /** Lines that /ready shows besides the result. */
  details?(): readonly string[];
  /** How long runners may take to end once the process has to stop; 5 s by default. */
  readonly stopWithinMs?: number;
  /** What is left to do when all runners have ended. */
  close?(): void;
}

/**
 * A process: options, logs, metrics, traces, health; then what `compose` wires, until SIGINT or SIGTERM (shutdown.ts).
 * Parts that fail are started again (supervisor.ts). Ends the process with 0 when it is stopped, 2 for a mistake of the
 * user's that has a remedy, 1 for anything else that goes wrong in `compose`.
 */
export async function runApp<S extends CommonSettings>(
  program: Program<S>,
  compose: (options: OptionsOf<S>, context: AppContext) => App | Promise<App>,
): Promise<never> {
  boundHeapGrowth();
  try {
    const options = parseOptions(program, process.argv.slice(2));
    process.exit(await run(program.name, options, compose));
  } catch (thrown) {
    if (thrown instanceof CommanderError) process.exit(thrown.exitCode === 0 ? 0 : 2);
    console.error(`${program.name}: ${explain(thrown)}`);
    process.exit(exitCodeOf(thrown));
  }
}

/** Metrics, logs, watchdog and traces of a process. */
function observe(name: string, options: OptionsOf<CommonSettings>) {
  const metrics = createMetrics();
  const log = createLogger(name, {
    levels: parseLogLevels(options.logOutputLevel),
    format: options.logFormat,
    metrics,
    limits: {
      perPeer: options.logLinesPerPeer,
      perScope: options.logLinesPerScope,
      bytesPerPeer: options.logBytesPerPeer,
      bytesPerScope: options.logBytesPerScope,
    },
  });
  const watchdog = startWatchdog({
    service: name,
    format: options.logFormat,
    stackAfterMs: options.watchdogStackAfter,
    exitAfterMs: options.watchdogExitAfter,
    log,
    metrics,
  });
  const tracer = createTracer({
    service: name,
    ...(options.otlpEndpoint ? { otlpEndpoint: options.otlpEndpoint } : {}),
    ...(options.traceFile ? { traceFile: options.traceFile } : {}),
    onError: (error) => log.warn('traces could not be written', { error: error.message }),
  });
  return { metrics, log, watchdog, tracer };
}

async function run<O extends OptionsOf<CommonSettings>>(
  name: string,
  options: O,
  compose: (options: O, context: AppContext) => App | Promise<App>,
): Promise<number> {
  const stop = new AbortController();
  const { metrics, log, watchdog, tracer } = observe(name, options);
  const drains = createDrains();
  const shutdown = createShutdown({ drains, drainMs: options.drainDuration, stop, exit: () => process.exit(0) });
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => {
      if (!shutdown.hasBegun) log.info('stopping', { signal, drain: `${options.drainDuration / 1000} s` });
      shutdown.begin();
    });
  const observability = { log, metrics, tracer, activity: watchdog.activity };
  const guard = createGuard(options, observability, drains);
  logUncaughtErrors(log, metrics);
  let app: App | undefined;
  /** What it still waits for. */
  const awaited = new Set<string>();
  let supervisor: Supervisor | undefined;
  const monitoring = await serveMonitoring({
    name,
    address: options.bind,
    port: options.monitoringPort,
    notReady: () =>
      shutdown.hasBegun
        ? ['stopping']
        : supervisor
          ? [...[...awaited].map((part) => `waiting for ${part}`), ...supervisor.failures()]
          : ['starting'],
    details: () => app?.details?.() ?? [],
    pages: () => app?.pages ?? {},
    metrics: async () => ({ text: await metrics.text(), contentType: metrics.contentType }),
    ...guard('monitoring', options.maxMonitoringConnections),
  });
  try {
    app = await compose(options, { observability, watchdog, signal: stop.signal, guard });
    const parts = Object.entries(app.ready).map(([part, promise]) => {
      awaited.add(part);
      return promise.then(() => awaited.delete(part));
    });
    void Promise.all(parts).then(
      () => log.info('ready'),
      () => {},
    );
    supervisor = createSupervisor(app.runners, { stop, log, metrics, stopWithinMs: app.stopWithinMs });
    return await supervisor.run();
  } finally {
    stop.abort();
    app?.close?.();
    await monitoring.close();
    await tracer.close();
    log.close();
  }
}
