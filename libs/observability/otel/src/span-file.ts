import { createWriteStream } from 'node:fs';
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace-base';

/** One finished span as a line of the span file; times are epoch milliseconds. */
export interface SpanRecord {
  readonly name: string;
  readonly service: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly start: number;
  readonly end: number;
  readonly attributes: Readonly<Record<string, unknown>>;
}

const milliseconds = ([seconds, nanos]: readonly [number, number]): number => seconds * 1000 + nanos / 1e6;

function recordOf(span: ReadableSpan, service: string): SpanRecord {
  const { traceId, spanId } = span.spanContext();
  const parentSpanId = span.parentSpanContext?.spanId;
  return {
    name: span.name,
    service,
    traceId,
    spanId,
    ...(parentSpanId ? { parentSpanId } : {}),
    start: milliseconds(span.startTime),
    end: milliseconds(span.endTime),
    attributes: span.attributes,
  };
}

/** Hands each finished span to `sink`. */
export function createRecordExporter(
  service: string,
  sink: { write(record: SpanRecord): void; close?(): Promise<void> },
): SpanExporter {
  return {
    export(spans, done) {
      for (const span of spans) sink.write(recordOf(span, service));
      done({ code: 0 });
    },
    shutdown: async () => sink.close?.(),
  };
}

/**
 * Appends finished spans to a file, one JSON object a line. An unwritable file is reported once and spans are dropped.
 */
export function createSpanFile(
  path: string,
  onError: (error: Error) => void,
): { write(record: SpanRecord): void; close(): Promise<void> } {
  const stream = createWriteStream(path, { flags: 'a', mode: 0o600 });
  let broken = false;
  stream.on('error', (error) => {
    if (!broken) onError(error);
    broken = true;
  });
  return {
    write: (record) => void (broken || stream.write(`${JSON.stringify(record)}\n`)),
    close: () => new Promise((resolve) => (broken ? resolve() : stream.end(() => resolve()))),
  };
}
