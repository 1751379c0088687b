import { compareText } from '@flotilla/std';
import { setting, worldQuery, type View } from '@flotilla/pilot-world';
import { any, duration, stats, type envoy } from '@flotilla/proto-gen/envoy';
import { applicableTelemetries, onSide, providerNamed, type Side } from './telemetry.ts';

type IFilter = envoy.config.listener.v3.IFilter & envoy.extensions.filters.network.http_connection_manager.v3.IHttpFilter;

/** Prometheus names of Telemetry's metrics. */
const names: Readonly<Record<string, string>> = {
  REQUEST_COUNT: 'requests_total', REQUEST_DURATION: 'request_duration_milliseconds', REQUEST_SIZE: 'request_bytes', RESPONSE_SIZE: 'response_bytes',
  TCP_OPENED_CONNECTIONS: 'tcp_connections_opened_total', TCP_CLOSED_CONNECTIONS: 'tcp_connections_closed_total', TCP_SENT_BYTES: 'tcp_sent_bytes_total',
  TCP_RECEIVED_BYTES: 'tcp_received_bytes_total', GRPC_REQUEST_MESSAGES: 'request_messages_total', GRPC_RESPONSE_MESSAGES: 'response_messages_total',
};

/** What is different of one metric: dropped, tags by name (undefined: removed). */
interface Override { drop: boolean; readonly tags: Map<string, string | undefined> }
interface Metrics { readonly interval: number; readonly overrides: ReadonlyMap<string, Override> }

/** The metrics that Prometheus gets on a side, or undefined when it gets none (Istio's mergeMetrics): overrides of all levels, tag by tag. */
const metricsOf = worldQuery('metrics-of', (view, side: Side): Metrics | undefined => {
  const defaults = setting(view, 'defaultProviders')?.metrics ?? [];
  const all = view.query(applicableTelemetries, '').flatMap(({ metrics }) => metrics ?? []);
  const scope = all.reduce<readonly string[]>((names_, { providers }) => (providers?.length ? providers.map(({ name }) => name ?? '') : names_), defaults);
  if (!scope.some((name) => providerNamed(view, name)?.prometheus)) return undefined;
  const overrides = new Map<string, Override>();
  let interval = 0;
  let above: readonly string[] = defaults;
  for (const { providers, reportingInterval, overrides: own } of all) {
    above = providers?.length ? providers.map(({ name }) => name ?? '') : above;
    interval = reportingInterval ?? interval;
    if (!above.some((name) => scope.includes(name) && providerNamed(view, name)?.prometheus)) continue;
    for (const { match, disabled, tagOverrides } of own ?? []) {
      if (!onSide(match, side)) continue;
      const { metric = 'ALL_METRICS', customMetric } = match ?? {};
      for (const name of customMetric ? [customMetric] : metric === 'ALL_METRICS' ? Object.keys(names) : [metric]) {
        const known = overrides.get(name) ?? { drop: false, tags: new Map<string, string | undefined>() };
        if (disabled !== undefined) known.drop = disabled;
        for (const [tag, { operation, value }] of Object.entries(tagOverrides ?? {})) known.tags.set(tag, operation === 'REMOVE' ? undefined : value ?? '');
        overrides.set(name, known);
      }
    }
  }
  return { interval, overrides };
});

function buildMetric([name, { drop, tags }]: readonly [string, Override]): stats.IMetricConfig {
  const sorted = [...tags].sort(([a], [b]) => compareText(a, b));
  return {
    name: names[name] ?? name,
    ...(drop ? { drop } : {}),
    dimensions: Object.fromEntries(sorted.flatMap(([tag, value]) => (value === undefined ? [] : [[tag, value]]))),
    tagsToRemove: sorted.filter(([, value]) => value === undefined).map(([tag]) => tag),
  };
}

/** The filter that counts, for HTTP and for bytes alike; none for a stock Envoy, which hasn't got it. Key: the side. */
export const statsFilters = worldQuery('stats-filters', (view, side: Side): readonly IFilter[] => {
  const metrics = view.attr('istioExtensions') ? view.query(metricsOf, side) : undefined;
  if (!metrics) return [];
  const config: stats.IPluginConfig = {
    // only a sidecar's client side knows which host was really meant
    ...(side === 'SERVER' || view.attr('type') === 'router' ? { disableHostHeaderFallback: true } : {}),
    ...(metrics.interval > 0 ? { tcpReportingDuration: duration(metrics.interval) } : {}),
    metrics: [...metrics.overrides].sort(([a], [b]) => compareText(a, b)).map(buildMetric),
  };
  return [{ name: 'istio.stats', typedConfig: any(stats.PluginConfig, config) }];
});

export const statsOf = (view: View, side: Side): IFilter[] => [...view.query(statsFilters, side)];
