import type { Fields } from '@flotilla/observability-port';
import { maxMessage, printable, printableData } from '@flotilla/std';

export const levels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;
export type Level = (typeof levels)[number];
export const logFormats = ['text', 'json'] as const;
export type LogFormat = (typeof logFormats)[number];

/** What is logged, printable and bounded. */
export interface Entry {
  readonly level: Level;
  readonly scope?: string;
  readonly message: string;
  readonly fields: Fields;
}

/** POSIX's PIPE_BUF on Linux: a pipe takes so much at once or refuses it, and never mixes it with what others write. */
const maxLineBytes = 4096;

export const entryOf = (
  level: Level,
  scope: string | undefined,
  { message, fields }: { message: string; fields: Fields },
): Entry => ({
  level,
  ...(scope === undefined ? {} : { scope }),
  message: printable(message, maxMessage),
  fields: Object.fromEntries(
    Object.entries(printableData(fields) as Fields).filter(([, value]) => value !== undefined),
  ),
});

/**
 * One line, without its end: JSON, or Istio's form for people (time, level, scope, message, then `name=value`),
 * separated by tabs. A line of more than `maxLineBytes` loses its fields.
 */
export function formatLine(
  entry: Entry,
  { service, format, at }: { readonly service: string; readonly format: LogFormat; readonly at: number },
): string {
  const time = new Date(at).toISOString();
  const write = format === 'json' ? (one: Entry) => asJson(one, { service, time }) : (one: Entry) => asText(one, time);
  const line = write(entry);
  return Buffer.byteLength(line) < maxLineBytes
    ? line
    : write({ ...entry, fields: { '…': 'the fields are too long' } });
}

function asJson(
  { level, scope, message, fields }: Entry,
  { service, time }: { service: string; time: string },
): string {
  const base = { level, time, service, ...(scope === undefined ? {} : { scope }) };
  return JSON.stringify({ ...base, ...fields, ...base, msg: message });
}

function asText({ level, scope, message, fields }: Entry, time: string): string {
  const rest = Object.entries(fields).map(
    ([name, value]) =>
      `${name}=${typeof value === 'string' && /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value)}`,
  );
  return [
    time,
    level,
    ...(scope === undefined ? [] : [scope]),
    message,
    ...(rest.length > 0 ? [rest.join(' ')] : []),
  ].join('\t');
}
