import { istioMetrics } from '@flotilla/model';
import { setting, worldQuery, type View } from '@flotilla/pilot-world';
import { defineKey, type KeyOf } from '@flotilla/query';
import { applicableTelemetries, onSide, type Side } from './telemetry.ts';

/** What is different of one metric: dropped, tags by name (undefined: removed). */
export interface MetricOverride {
  drop: boolean;
  readonly tags: Map<string, string | undefined>;
}
export interface Metrics {
  /** In seconds; 0 when nobody says. */
  readonly interval: number;
  readonly overrides: ReadonlyMap<string, MetricOverride>;
  /** All of them are dropped, and nothing is said of single ones after that. */
  readonly disabled: boolean;
}

const isAll = (match: { readonly metric?: string; readonly customMetric?: string } | undefined): boolean =>
  !match?.customMetric && (match?.metric ?? 'ALL_METRICS') === 'ALL_METRICS';

/** Of each level of Telemetry the providers that it speaks of: its own, else those of the level above. */
function byLevel(
  view: View,
): { readonly names: readonly string[]; readonly level: NonNullable<ReturnType<typeof levelsOf>[number]> }[] {
  let names: readonly string[] = setting(view, 'defaultProviders')?.metrics ?? [];
  return levelsOf(view).map((level) => {
    names = level.providers?.length ? level.providers.map(({ name }) => name ?? '') : names;
    return { names, level };
  });
}
const levelsOf = (view: View) => view.query(applicableTelemetries, '').flatMap(({ metrics }) => metrics ?? []);

/** Names of the providers that get metrics: those that the last level with any names, else the mesh's. */
export const metricProviders = worldQuery(
  'metric-providers',
  (view): readonly string[] =>
    levelsOf(view)
      .findLast(({ providers }) => providers?.length)
      ?.providers?.map(({ name }) => name ?? '') ??
    setting(view, 'defaultProviders')?.metrics ??
    [],
);

/** A provider of metrics on one side. */
export const metricsKey = defineKey<{ readonly provider: string; readonly side: Side }>()('provider', 'side');

/** What a provider gets on a side: overrides of all levels that speak of it, tag by tag (Istio's mergeMetrics). */
export const metricsOf = worldQuery('metrics-of', (view, { provider, side }: KeyOf<typeof metricsKey>): Metrics => {
  const overrides = new Map<string, MetricOverride>();
  let [interval, disabled] = [0, false];
  for (const { names, level } of byLevel(view)) {
    if (!names.includes(provider)) continue;
    interval = level.reportingInterval ?? interval;
    for (const { match, disabled: off, tagOverrides } of level.overrides ?? []) {
      if (!onSide(match, side)) continue;
      disabled = off === true && isAll(match);
      if (disabled) continue;
      const { metric = '', customMetric } = match ?? {};
      for (const name of customMetric ? [customMetric] : isAll(match) ? istioMetrics : [metric]) {
        const known = overrides.get(name) ?? { drop: false, tags: new Map<string, string | undefined>() };
        if (off !== undefined) known.drop = off;
        for (const [tag, { operation, value }] of Object.entries(tagOverrides ?? {}))
          known.tags.set(tag, operation === 'REMOVE' ? undefined : (value ?? ''));
        overrides.set(name, known);
      }
    }
  }
  return { interval, overrides, disabled };
});
