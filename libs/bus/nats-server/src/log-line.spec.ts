import fc from 'fast-check';
import type { Logger } from '@flotilla/observability-port';
import { describe, expect, it } from 'vitest';
import { writeLogLine } from './log-line.ts';

/** The level and text that are logged for a line of nats-server. */
function written(line: string, quiet: readonly number[] = []): readonly (readonly [string, string])[] {
  const lines: (readonly [string, string])[] = [];
  const logAt = (level: string) => (message: string) => void lines.push([level, message]);
  const log: Logger = {
    debug: logAt('debug'),
    info: logAt('info'),
    warn: logAt('warn'),
    error: logAt('error'),
    scope: () => log,
    with: () => log,
  };
  writeLogLine(log, line, new Set(quiet));
  return lines;
}

describe("a line of nats-server's log", () => {
  it.each([
    ['[7] 2026/11/28 19:40:24.123456 [INF] Server is ready', 'info', 'Server is ready'],
    ['[7] [WRN] Filestore is full', 'warn', 'Filestore is full'],
    ['[1234] 2026/11/28 19:40:24 [ERR] no [INF] here', 'error', 'no [INF] here'],
    ['[7] 2026/11/28 19:40:24.123456 [FTL] out of disk', 'error', 'out of disk'],
    ['[7] 2026/11/28 19:40:24.123456 [TRC] <<- PING', 'debug', '<<- PING'],
    ['panic: runtime error', 'info', 'panic: runtime error'],
  ])('%s', (line, level, message) => {
    expect(written(line)).toEqual([[level, message]]);
  });

  it('about a connection of a check is left out, about any other it is not', () => {
    const line = '[7] [ERR] 127.0.0.1:55114 - cid:8 - TLS handshake error: EOF';
    expect(written(line, [55_114])).toEqual([]);
    expect(written(line, [55_115])).toHaveLength(1);
  });

  it('is written unchanged, whatever its form', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), (line) => {
        expect(written(line)).toHaveLength(1);
      }),
    );
  });
});
