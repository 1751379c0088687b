import { closeSync, openSync, readdirSync, readSync, watch } from 'node:fs';
import { join } from 'node:path';
import type { SpanRecord } from '@flotilla/observability/tracing';
import { createWaiting } from './cluster/waiting.ts';

export type Span = SpanRecord;
/** Spans of all services, as they are written to files of one folder. */
export interface Traces {
  readonly spans: readonly Span[];
  /**
   * Resolves with the first result that isn't undefined, asked again whenever spans come. Rejects after `timeoutMs`.
   */
  find<T>(what: string, search: (spans: readonly Span[]) => T | undefined, timeoutMs?: number): Promise<T>;
  /** Calls `take` with each span from now on. */
  follow(take: (span: Span) => void): void;
  close(): void;
}

export function followTraces(folder: string): Traces {
  const spans: Span[] = [];
  const files = new Map<string, { offset: number; rest: string }>();
  const waiting = createWaiting();
  const closed = new AbortController();
  const followers: ((span: Span) => void)[] = [];

  function read(name: string): void {
    const state = files.get(name) ?? { offset: 0, rest: '' };
    files.set(name, state);
    const file = openSync(join(folder, name), 'r');
    const buffer = Buffer.alloc(64 * 1024);
    try {
      for (
        let count = readSync(file, buffer, 0, buffer.length, state.offset);
        count > 0;
        count = readSync(file, buffer, 0, buffer.length, state.offset)
      ) {
        state.offset += count;
        const lines = (state.rest + buffer.toString('utf8', 0, count)).split('\n');
        state.rest = lines.pop() ?? '';
        for (const line of lines) {
          const span = JSON.parse(line) as Span;
          spans.push(span);
          for (const take of followers) take(span);
        }
      }
    } finally {
      closeSync(file);
    }
    waiting.wake();
  }

  const watcher = watch(folder, (_event, name) => {
    if (name !== null) read(name);
  });
  for (const name of readdirSync(folder)) read(name);
  return {
    spans,
    follow: (take) => void followers.push(take),
    async find<T>(what: string, search: (spans: readonly Span[]) => T | undefined, timeoutMs = 15_000): Promise<T> {
      let found: T | undefined;
      await waiting.until(() => (found = search(spans)) !== undefined, {
        timeoutMs,
        signal: closed.signal,
        describe: () => `${what}: no such trace within ${timeoutMs / 1000} s`,
      });
      return found as T;
    },
    close() {
      watcher.close();
      closed.abort();
    },
  };
}

/** One change as its trace shows it; times are epoch milliseconds. */
export interface Change {
  readonly traceId: string;
  /** When each proxy acknowledged everything that it was sent because of the change. */
  readonly acknowledged: ReadonlyMap<string, number>;
}

/** The trace of a file's change after `since`, once every proxy that it concerns has acknowledged. */
export function changeOf(spans: readonly Span[], file: string, since: number): Change | undefined {
  const read = spans.find(
    ({ name, start, attributes }) =>
      name === 'galley.read' && start >= since && String(attributes['path'] ?? '').endsWith(file),
  );
  if (!read) return undefined;
  const traced = spans.filter(({ traceId }) => traceId === read.traceId);
  const queries = traced.find(({ name }) => name === 'pilot.queries');
  const pushes = traced.filter(({ name }) => name === 'pilot.push');
  const acknowledged = new Map<string, number>();
  for (const { attributes, end } of pushes)
    acknowledged.set(String(attributes['proxy']), Math.max(acknowledged.get(String(attributes['proxy'])) ?? 0, end));
  return queries && acknowledged.size >= Number(queries.attributes['proxies'])
    ? { traceId: read.traceId, acknowledged }
    : undefined;
}

const width = 48;

/** A trace as bars over its time, one line for each span, in the order in which they began. */
export function waterfall(spans: readonly Span[], most = 24): string[] {
  const sorted = [...spans].sort((a, b) => a.start - b.start);
  const begin = Math.min(...spans.map(({ start }) => start));
  const length = Math.max(...spans.map(({ end }) => end)) - begin || 1;
  const column = (time: number): number => Math.round(((time - begin) / length) * width);
  const lines = sorted.slice(0, most).map(({ service, name, start, end, attributes }) => {
    const from = Math.min(column(start), width - 1);
    const bar = `${' '.repeat(from)}${'━'.repeat(Math.max(1, column(end) - from))}`.padEnd(width);
    const what =
      attributes['proxy'] === undefined
        ? ''
        : ` ${String(attributes['type'])} ${String(attributes['proxy']).split('~')[2] ?? ''}`;
    return `${service.padEnd(8)} ${name.padEnd(15)} ${bar} ${(start - begin).toFixed(1).padStart(6)} +${(end - start).toFixed(1)} ms${what}`;
  });
  return sorted.length > most ? [...lines, `... and ${sorted.length - most} more`] : lines;
}
