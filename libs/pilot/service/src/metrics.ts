import type { Counter, Metrics } from '@flotilla/observability-port';

/** Of the xDS types that Istio counts refusals of. */
const refusedTypes = ['cds', 'eds', 'lds', 'rds'];

/** Pilot's metrics by Istio's names (pilot/pkg/xds/monitoring.go), there from the start. */
export function createPilotMetrics(metrics: Metrics) {
  const refusedByType = new Map<string, Counter>(refusedTypes.map((type) => [type, metrics.counter(`pilot_xds_${type}_reject`, `Pilot rejected ${type.toUpperCase()} configs.`, ['node'])]));
  const rejects = metrics.counter('pilot_total_xds_rejects', 'Total number of XDS responses from pilot rejected by proxy.', ['type']);
  return {
    connected: metrics.gauge('pilot_xds', 'Number of endpoints connected to this pilot using XDS.'),
    pushes: metrics.counter('pilot_xds_pushes', 'Pushes to proxies, by type.', ['type']),
    convergence: metrics.histogram('pilot_proxy_convergence_time', 'Delay in seconds between a config change known here and a proxy having acknowledged it.', { buckets: [0.01, 0.05, 0.1, 0.5, 1, 3, 5, 10, 20, 30] }),
    internalErrors: metrics.counter('pilot_total_xds_internal_errors', 'Total number of internal XDS errors in pilot.'),
    secretErrors: metrics.counter('pilot_sds_certificate_errors_total', 'Total number of failures to fetch SDS key and certificate.'),
    /** A proxy refused a response of this type. */
    rejected(type: string, node: string): void {
      rejects.add(1, { type });
      refusedByType.get(type)?.add(1, { node });
    },
  };
}
export type PilotMetrics = ReturnType<typeof createPilotMetrics>;
