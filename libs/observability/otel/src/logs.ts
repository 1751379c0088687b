import type { Fields, Logger, Metrics } from '@flotilla/observability-port';
import { systemClock, type Clock } from '@flotilla/std';
import { defaultLogLimits, leftOutReasons, LogFlood, type LogLimits } from './log-flood.ts';
import { entryOf, formatLine, levels, type Level, type LogFormat } from './log-line.ts';
import { createStandardErrorSink, type LogSink } from './log-sink.ts';

/** `default:info,ads:debug`: a level for each of Istio's scopes. */
export type LogLevels = Readonly<Record<string, Level>>;

/** Throws for a text of another form, saying which part. */
export function parseLogLevels(text: string): LogLevels {
  return Object.fromEntries(
    text.split(',').map((part) => {
      const [scope = '', name = ''] = part.includes(':') ? part.split(':') : ['default', part];
      const level = levels.find((one) => one === name);
      if (!level)
        throw new Error(`log level ${JSON.stringify(part)} is not one of ${levels.join(', ')}, or SCOPE:LEVEL`);
      return [scope, level];
    }),
  );
}

export interface LoggerOptions {
  readonly levels?: LogLevels;
  readonly format?: LogFormat;
  /** Limits that are not given have their defaults. */
  readonly limits?: Partial<LogLimits>;
  readonly metrics?: Metrics;
  readonly clock?: Clock;
  readonly sink?: LogSink;
}
export interface ClosableLogger extends Logger {
  /** Writes what has been counted instead of written; no line must follow. */
  close(): void;
}

/**
 * Structured logs on standard error, one line each, with Istio's scopes. Whatever a line quotes is made printable,
 * bounded and redacted here, so that no caller can forget; repeated lines are counted, and floods are summed up
 * (`LogFlood`).
 */
export function createLogger(service: string, options: LoggerOptions = {}): ClosableLogger {
  const { levels: wanted = {}, format = 'json', clock = systemClock, sink = createStandardErrorSink() } = options;
  const leftOut = options.metrics?.counter(
    'log_lines_left_out_total',
    'Log lines that were counted instead of written, by reason.',
    { reason: leftOutReasons },
  );
  for (const reason of leftOutReasons) leftOut?.add(0, { reason });
  const flood = new LogFlood({
    clock,
    limits: { ...defaultLogLimits, ...options.limits },
    onLeftOut: (reason) => leftOut?.add(1, { reason }),
    lineOf: (entry) => `${formatLine(entry, { service, format, at: clock.now() })}\n`,
    write: (line) => {
      if (!sink(line)) leftOut?.add(1, { reason: 'unwritable' });
    },
  });
  const create = (scope: string | undefined, always: Fields): Logger => {
    const from = levels.indexOf(wanted[scope ?? 'default'] ?? wanted['default'] ?? 'info');
    const writer =
      (level: Level) =>
      (message: string, given: Fields | (() => Fields) = {}): void => {
        if (levels.indexOf(level) < from) return;
        const fields = typeof given === 'function' ? given() : given;
        flood.pass(entryOf(level, scope, { message, fields: { ...always, ...fields } }));
      };
    return {
      debug: writer('debug'),
      info: writer('info'),
      warn: writer('warn'),
      error: writer('error'),
      scope: (name) => create(name, always),
      with: (fields) => create(scope, { ...always, ...fields }),
    };
  };
  return { ...create(undefined, {}), close: () => flood.sumUp() };
}
