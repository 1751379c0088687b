import type { Logger } from '@flotilla/observability-port';

/** One line of nats-server's log: `[7] 2026/11/28 19:40:24.123456 [INF] Server is ready`, with or without the time. */
const pattern = /^\[\d+\] (?:\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d(?:\.\d+)? )?\[([A-Z]{3})\] (.*)$/;

/** The beginning of a line about a client: `127.0.0.1:55114 - cid:8 - `. */
const aboutClient = /^\S+:(\d+) - cid:\d+ - /;

/**
 * Writes a line of nats-server's log to our log, with its level; a line of any other form at level info. Leaves out
 * empty lines and those about connections from the ports in `quiet`.
 */
export function writeLogLine(log: Logger, line: string, quiet: ReadonlySet<number>): void {
  const [, level = 'INF', message = line] = pattern.exec(line) ?? [];
  const [, port] = aboutClient.exec(message) ?? [];
  if (message === '' || (port !== undefined && quiet.has(Number(port)))) return;
  switch (level) {
    case 'FTL':
    case 'ERR':
      return log.error(message);
    case 'WRN':
      return log.warn(message);
    case 'DBG':
    case 'TRC':
      return log.debug(message);
    default:
      return log.info(message);
  }
}
