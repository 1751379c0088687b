import { withoutTrailing } from '@flotilla/std';
import { randomBytes } from 'node:crypto';
import { isSpanContextValid, ROOT_CONTEXT, SpanStatusCode, trace } from '@opentelemetry/api';
import type { Context, SpanContext } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BasicTracerProvider, BatchSpanProcessor, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import type { SpanProcessor } from '@opentelemetry/sdk-trace-base';
import type { Tracer, TraceParent } from '@flotilla/observability-port';
import { maxMessage, printable } from '@flotilla/std';
export type { SpanRecord } from './span-file.ts';
import { createRecordExporter, createSpanFile } from './span-file.ts';
import type { SpanRecord } from './span-file.ts';

export interface TracerOptions {
  readonly service: string;
  /** Base address of an OTLP/HTTP collector; `/v1/traces` is appended. */
  readonly otlpEndpoint?: string;
  /** File that finished spans are appended to, one JSON object a line. */
  readonly traceFile?: string;
  /** Receives finished spans in this process. */
  readonly onSpan?: (record: SpanRecord) => void;
  readonly onError?: (error: Error) => void;
}
export interface ClosableTracer extends Tracer {
  close(): Promise<void>;
}

/**
 * A tracer that exports where the options say; without any target, spans only carry their place from service to
 * service.
 */
export function createTracer(options: TracerOptions): ClosableTracer {
  const { service, onSpan, onError = () => {} } = options;
  const processors: SpanProcessor[] = [];
  if (options.otlpEndpoint) {
    processors.push(
      new BatchSpanProcessor(new OTLPTraceExporter({ url: `${withoutTrailing(options.otlpEndpoint, '/')}/v1/traces` })),
    );
  }
  if (options.traceFile)
    processors.push(new SimpleSpanProcessor(createRecordExporter(service, createSpanFile(options.traceFile, onError))));
  if (onSpan) processors.push(new SimpleSpanProcessor(createRecordExporter(service, { write: onSpan })));
  if (processors.length === 0) return carrierOnly;

  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes({ 'service.name': service }),
    spanProcessors: processors,
  });
  const tracer = provider.getTracer('flotilla');
  return {
    start(name, { parent, startTime, attributes } = {}) {
      const span = tracer.startSpan(
        name,
        {
          startTime,
          attributes: Object.fromEntries(
            Object.entries(attributes ?? {}).map(([key, value]) => [key, printable(value)]),
          ),
        },
        contextOf(parent),
      );
      return {
        traceparent: traceparentOf(span.spanContext()),
        set: (key, value) => void span.setAttribute(key, typeof value === 'string' ? printable(value) : value),
        fail: (message) => void span.setStatus({ code: SpanStatusCode.ERROR, message: printable(message, maxMessage) }),
        end: () => span.end(),
      };
    },
    close: () => provider.shutdown(),
  };
}

const pattern = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;

function contextOf(parent: TraceParent | undefined): Context {
  const context = parent === undefined ? undefined : parseTraceParent(parent);
  return context ? trace.setSpanContext(ROOT_CONTEXT, context) : ROOT_CONTEXT;
}

/** The place that a W3C traceparent names; undefined when malformed or all zero. */
export function parseTraceParent(text: string): SpanContext | undefined {
  const [, traceId, spanId, flags] = pattern.exec(text) ?? [];
  if (!traceId || !spanId || !flags) return undefined;
  const context = { traceId, spanId, traceFlags: Number(`0x${flags}`), isRemote: true };
  return isSpanContextValid(context) ? context : undefined;
}

const traceparentOf = ({ traceId, spanId, traceFlags }: SpanContext): TraceParent =>
  `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;

/** Spans that nobody sees have no place of their own: what comes after them belongs to who was before them. */
const carrierOnly: ClosableTracer = {
  start(_name, { parent } = {}) {
    const traceparent =
      parent && parseTraceParent(parent)
        ? parent
        : `00-${randomBytes(16).toString('hex')}-${randomBytes(8).toString('hex')}-01`;
    return { traceparent, set() {}, fail() {}, end() {} };
  },
  close: async () => {},
};
