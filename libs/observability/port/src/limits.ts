import type { Metrics } from './metrics.ts';

/** Counts one more time that a limit of this kind was hit. */
export type LimitHit<K extends string = string> = (kind: K) => void;

/**
 * `limits_hit_total{kind, server}`: how often a limit of the process refused, ended or held back what a peer requested.
 * Each component declares its kinds, which are on the page of metrics from the start; limits of one server have its
 * name.
 */
export function createLimits<const K extends string>(
  metrics: Metrics,
  kinds: readonly K[],
  server?: string,
): LimitHit<K> {
  const hits = metrics.counter(
    'limits_hit_total',
    'How often a limit refused, ended or held back a request or connection of a peer.',
    { kind: kinds, server: server === undefined ? [] : [server] },
  );
  const labelsOf = (kind: K) => ({ kind, ...(server === undefined ? {} : { server }) });
  for (const kind of kinds) hits.add(0, labelsOf(kind));
  return (kind) => hits.add(1, labelsOf(kind));
}
