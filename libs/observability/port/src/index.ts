export { type Activity, noActivity } from './activity.ts';
export { BoundedLabels, type LabelSets } from './labels.ts';
export { type LimitHit, createLimits } from './limits.ts';
export type { Counter, Labels, Metrics } from './metrics.ts';
export {
  jsonAnswer,
  textAnswer,
  type Page,
  type PageAnswer,
  type PageCaller,
  type PageGuard,
  type PageRequest,
  type Pages,
} from './page.ts';
export { problemsPage } from './problems-page.ts';
import { noActivity, type Activity } from './activity.ts';
import type { Labels, Metrics } from './metrics.ts';

/**
 * Logs by Istio's scopes (`ads`, `validation`, `default` ...). Fields are data from anywhere: the logger makes them
 * printable, bounds them, and redacts what their names call secret. `peer` (an address), else `proxy` or `identity`,
 * says who caused a line: how much one of them may fill the log with is bounded.
 */
export interface Logger {
  /** Fields that cost something to gather may be given as a function, which is called only where debug is logged. */
  debug(message: string, fields?: Fields | (() => Fields)): void;
  info(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  error(message: string, fields?: Fields): void;
  scope(name: string): Logger;
  /** A logger of the same scope whose lines all have these fields. */
  with(fields: Fields): Logger;
}
export type Fields = Readonly<Record<string, unknown>>;

/** A span's place in its trace, as a W3C `traceparent` value: it travels with every change over the bus. */
export type TraceParent = string;
export interface Span {
  readonly traceparent: TraceParent;
  set(key: string, value: string | number | boolean): void;
  fail(message: string): void;
  end(): void;
}
export interface Tracer {
  /** Starts a span below `parent` (a new trace without one); `startTime` in epoch milliseconds. */
  start(name: string, options?: { parent?: TraceParent; startTime?: number; attributes?: Labels }): Span;
}

export interface Observability {
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly tracer: Tracer;
  readonly activity: Activity;
}

const nothing = (): void => {};
const silent: Logger = {
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
  scope: () => silent,
  with: () => silent,
};
/** Observes nothing; for tests and tools. */
export const noObservability: Observability = {
  log: silent,
  metrics: {
    counter: () => ({ add: nothing, remove: nothing }),
    gauge: () => ({ set: nothing }),
    histogram: () => ({ observe: nothing }),
  },
  tracer: {
    start: () => ({
      traceparent: '00-00000000000000000000000000000000-0000000000000000-00',
      set: nothing,
      fail: nothing,
      end: nothing,
    }),
  },
  activity: noActivity,
};
