import type { Batch, SourceChange, TraceParent } from '@flotilla/model';
import type { Span, Tracer } from '@flotilla/observability-port';

/**
 * The spans in which changes begin, one for each; a first step, with all there is, is one change. Changes without news
 * have none.
 */
export function startReads(
  tracer: Tracer,
  changes: readonly SourceChange[],
  isFirst: boolean,
): readonly (Span | undefined)[] {
  const start = (startTime: number, attributes: Record<string, string>): Span =>
    tracer.start('galley.read', { startTime, attributes });
  const isNews = ({ events }: SourceChange): boolean =>
    events.some(({ type }) => type === 'object' || type === 'gone' || type === 'problems');
  if (!isFirst)
    return changes.map((change) => (isNews(change) ? start(change.readAt, { path: change.cause }) : undefined));
  const news = changes.filter(isNews);
  if (news.length === 0) return changes.map(() => undefined);
  const span = start(Math.min(...news.map(({ readAt }) => readAt)), { changes: String(news.length) });
  return changes.map(() => span);
}

/** One span for each cause of the batch, which travels on with what it changed. */
export function startPublishing(
  tracer: Tracer,
  batch: Batch,
): { readonly traced: Batch; readonly spans: readonly Span[] } {
  const spans = new Map<TraceParent, Span>();
  const onward = <T extends { readonly trace?: TraceParent }>(change: T): T => {
    const parent = change.trace;
    if (parent === undefined) return change;
    const span = spans.get(parent) ?? tracer.start('galley.publish', { parent });
    spans.set(parent, span);
    return { ...change, trace: span.traceparent };
  };
  return {
    traced: { ...batch, put: batch.put.map(onward), delete: batch.delete.map(onward) },
    spans: [...spans.values()],
  };
}
