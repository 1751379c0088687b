import { BoundedLabels, type Labels, type LabelSets, type Metrics } from '@flotilla/observability-port';
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';

/** Prometheus metrics; a name that is requested twice is the same metric. `text` is what /metrics answers. */
export function createMetrics(): Metrics & { text(): Promise<string>; readonly contentType: string } {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const known = new Map<string, { readonly metric: unknown; readonly bounded: BoundedLabels }>();
  const once = <T>(
    name: string,
    sets: LabelSets,
    make: (labelNames: string[]) => T,
  ): { readonly metric: T; readonly bounded: BoundedLabels } => {
    const found = known.get(name) ?? { metric: make(Object.keys(sets)), bounded: new BoundedLabels() };
    known.set(name, found);
    found.bounded.declare(sets);
    return found as { metric: T; bounded: BoundedLabels };
  };
  const registers = [registry];
  return {
    counter: (name, help, sets = {}) => {
      const { metric, bounded } = once(name, sets, (labelNames) => new Counter({ name, help, labelNames, registers }));
      return {
        add: (value = 1, labels: Labels = {}) => metric.inc(bounded.admit(labels), value),
        remove: (labels) => {
          if (bounded.release(labels)) metric.remove(labels);
        },
      };
    },
    gauge: (name, help, sets = {}) => {
      const { metric, bounded } = once(name, sets, (labelNames) => new Gauge({ name, help, labelNames, registers }));
      return { set: (value, labels: Labels = {}) => metric.set(bounded.admit(labels), value) };
    },
    histogram: (name, help, { labels: sets = {}, buckets } = {}) => {
      const { metric, bounded } = once(
        name,
        sets,
        (labelNames) =>
          new Histogram({ name, help, labelNames, registers, ...(buckets ? { buckets: [...buckets] } : {}) }),
      );
      return { observe: (value, labels: Labels = {}) => metric.observe(bounded.admit(labels), value) };
    },
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}
