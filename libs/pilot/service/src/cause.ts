import type { Batch } from '@flotilla/bus-port';
import type { Span, Tracer } from '@flotilla/observability-port';
import type { Cause } from './deliveries.ts';

/** Of a burst of changes so many are followed. */
const maxTraces = 20;

/** The cause of changes, which is notified of how far they are. */
export interface SettledCause extends Cause {
  /** From now on results are those after the changes. */
  begun?(): void;
  /** Everything that is watched has been computed. */
  computed?(proxies: number): void;
}

/** The cause of changes that are not galley's, such as key sets and credentials: nothing traces or reports on them. */
export const untracedCause = (): SettledCause => ({ traces: [], receivedAt: Date.now(), revision: Infinity });

/** The cause of a batch, without its revision, which is not known before the batch has begun. */
export interface BatchCause extends Omit<SettledCause, 'revision'> {
  /** The World has what is in the batch. */
  taken(): void;
}

/**
 * For each change in the batch one span from its receipt until it is in the World, below it one until all queries
 * have run, below that what is sent.
 */
export function traceBatch(tracer: Tracer, batch: Batch): BatchCause {
  const parents = new Set(
    [...batch.put, ...batch.delete].flatMap(({ trace }) => trace ?? []).concat(batch.coalesced ?? []),
  );
  const received = [...parents].slice(0, maxTraces).map((parent) => tracer.start('pilot.receive', { parent }));
  let queries: Span[] = [];
  return {
    receivedAt: Date.now(),
    get traces() {
      return queries.map(({ traceparent }) => traceparent);
    },
    taken: () => {
      for (const span of received) span.end();
      queries = received.map(({ traceparent }) => tracer.start('pilot.queries', { parent: traceparent }));
    },
    computed: (proxies) => {
      for (const span of queries) {
        span.set('proxies', proxies);
        span.end();
      }
    },
  };
}
