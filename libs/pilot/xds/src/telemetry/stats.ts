import { compareText, ownMember } from '@flotilla/std';
import { worldQuery, type View } from '@flotilla/pilot-world';
import { duration, stats, type envoy } from '@flotilla/proto-gen/envoy';
import { defineKey, type KeyOf } from '@flotilla/query';
import { typedConfig } from '../finish/typed-config.ts';
import { logProviders } from './access-log.ts';
import { metricProviders, metricsKey, metricsOf, type MetricOverride, type Metrics } from './metrics.ts';
import { stackdriverFilter } from './stackdriver.ts';
import { providerNamed, type Side } from './telemetry.ts';

type IFilter = envoy.config.listener.v3.IFilter &
  envoy.extensions.filters.network.http_connection_manager.v3.IHttpFilter;

/** Prometheus names of Telemetry's metrics. */
const names: Readonly<Record<string, string>> = {
  REQUEST_COUNT: 'requests_total',
  REQUEST_DURATION: 'request_duration_milliseconds',
  REQUEST_SIZE: 'request_bytes',
  RESPONSE_SIZE: 'response_bytes',
  TCP_OPENED_CONNECTIONS: 'tcp_connections_opened_total',
  TCP_CLOSED_CONNECTIONS: 'tcp_connections_closed_total',
  TCP_SENT_BYTES: 'tcp_sent_bytes_total',
  TCP_RECEIVED_BYTES: 'tcp_received_bytes_total',
  GRPC_REQUEST_MESSAGES: 'request_messages_total',
  GRPC_RESPONSE_MESSAGES: 'response_messages_total',
};

function buildMetric([name, { drop, tags }]: readonly [string, MetricOverride]): stats.IMetricConfig {
  const sorted = [...tags].sort(([a], [b]) => compareText(a, b));
  return {
    name: ownMember(names, name) ?? name,
    ...(drop ? { drop } : {}),
    dimensions: Object.fromEntries(sorted.flatMap(([tag, value]) => (value === undefined ? [] : [[tag, value]]))),
    tagsToRemove: sorted.filter(([, value]) => value === undefined).map(([tag]) => tag),
  };
}

function statsFilter({ interval, overrides }: Metrics, noHostFallback: boolean): IFilter {
  const config: stats.IPluginConfig = {
    ...(noHostFallback ? { disableHostHeaderFallback: true } : {}),
    ...(interval > 0 ? { tcpReportingDuration: duration(interval) } : {}),
    metrics: [...overrides].sort(([a], [b]) => compareText(a, b)).map(buildMetric),
  };
  return { name: 'istio.stats', typedConfig: typedConfig(stats.PluginConfig, config) };
}

const counted = defineKey<{ readonly side: Side; readonly carries: 'http' | 'tcp' }>()('side', 'carries');
type Counted = KeyOf<typeof counted>;

/**
 * The filters that count and, for a provider that does both in one, log; none for a stock Envoy, which hasn't got them
 * (Istio's telemetryFilters).
 */
const telemetryFilters = worldQuery('telemetry-filters', (view, { side, carries }: Counted): readonly IFilter[] => {
  if (!view.attr('istioExtensions')) return [];
  const counting = view.query(metricProviders, '');
  const logging = logProviders(view, side);
  // only a sidecar's client side knows which host was really meant
  const noHostFallback = side === 'SERVER' || view.attr('type') === 'router';
  return [...new Set([...counting, ...logging.keys()])].sort(compareText).flatMap((name): IFilter[] => {
    const provider = providerNamed(view, name);
    const metrics = counting.includes(name) ? view.query(metricsOf, metricsKey({ side, provider: name })) : undefined;
    if (provider?.prometheus) return metrics && !metrics.disabled ? [statsFilter(metrics, noHostFallback)] : [];
    return provider?.stackdriver
      ? [
          stackdriverFilter({
            side,
            carries,
            noHostFallback,
            overrides: metrics?.disabled ? new Map() : (metrics?.overrides ?? new Map()),
            logs: logging.get(name),
          }),
        ]
      : [];
  });
});

/** What counts HTTP or bytes on a side. */
export const statsOf = (view: View, side: Side, carries: 'http' | 'tcp'): IFilter[] => [
  ...view.query(telemetryFilters, counted({ side, carries })),
];
