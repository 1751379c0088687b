import type { Fields, Logger } from '@flotilla/observability-port';
import { destination, pino, type Level, type Logger as Pino } from 'pino';

/** `default:info,ads:debug`: a level for each of Istio's scopes. */
export type LogLevels = Readonly<Record<string, Level>>;

/** Throws for a text of another form, saying which part. */
export function parseLogLevels(text: string): LogLevels {
  const levels = new Set<string>(['trace', 'debug', 'info', 'warn', 'error', 'fatal']);
  return Object.fromEntries(text.split(',').map((part) => {
    const [scope = '', level = ''] = part.includes(':') ? part.split(':') : ['default', part];
    if (!levels.has(level)) throw new Error(`log level ${JSON.stringify(part)} is none of ${[...levels].join(', ')}, or SCOPE:LEVEL`);
    return [scope, level as Level];
  }));
}

const isSecret = /(^|[_-])(key|token|password|secret|authorization)$/i;
const safe = (fields: Fields = {}): Fields => Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, isSecret.test(name) ? '[redacted]' : value]));

/** Structured logs on standard error, one JSON object a line, with Istio's scopes. */
export function createLogger(service: string, levels: LogLevels = {}): Logger {
  const root = pino({ base: { service }, level: levels['default'] ?? 'info', timestamp: pino.stdTimeFunctions.isoTime, formatters: { level: (label) => ({ level: label }) } }, destination({ fd: 2, sync: true }));
  const wrap = (logger: Pino): Logger => ({
    debug: (message, fields) => logger.debug(safe(fields), message),
    info: (message, fields) => logger.info(safe(fields), message),
    warn: (message, fields) => logger.warn(safe(fields), message),
    error: (message, fields) => logger.error(safe(fields), message),
    scope: (name) => wrap(root.child({ scope: name }, { level: levels[name] ?? levels['default'] ?? 'info' })),
  });
  return wrap(root);
}
