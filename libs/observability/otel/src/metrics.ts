import type { Labels, Metrics } from '@flotilla/observability-port';
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';

/** Prometheus metrics; a name asked for twice is the same metric. `text` is what /metrics answers. */
export function createMetrics(): Metrics & { text(): Promise<string>; readonly contentType: string } {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const known = new Map<string, unknown>();
  const once = <T>(name: string, make: () => T): T => {
    const found = (known.get(name) as T | undefined) ?? make();
    known.set(name, found);
    return found;
  };
  return {
    counter: (name, help, labels = []) => {
      const counter = once(name, () => new Counter({ name, help, labelNames: [...labels], registers: [registry] }));
      return { add: (value = 1, of: Labels = {}) => counter.inc(of, value) };
    },
    gauge: (name, help, labels = []) => {
      const gauge = once(name, () => new Gauge({ name, help, labelNames: [...labels], registers: [registry] }));
      return { set: (value, of: Labels = {}) => gauge.set(of, value) };
    },
    histogram: (name, help, { labels = [], buckets } = {}) => {
      const histogram = once(name, () => new Histogram({ name, help, labelNames: [...labels], registers: [registry], ...(buckets ? { buckets: [...buckets] } : {}) }));
      return { observe: (value, of: Labels = {}) => histogram.observe(of, value) };
    },
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}
