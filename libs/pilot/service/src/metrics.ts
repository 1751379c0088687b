import type { Counter, Metrics } from '@flotilla/observability-port';
import { typeUrls } from '@flotilla/pilot-xds';

/** Of the xDS types that Istio counts refusals of. */
const refusedTypes = ['cds', 'eds', 'lds', 'rds'];
/** Of nodes that have a series of their own while they are connected: what more of them refuse is counted together. */
const maxNodes = 1000;
const types = Object.keys(typeUrls);

/** Pilot's metrics by Istio's names (pilot/pkg/xds/monitoring.go), there from the start. */
export function createPilotMetrics(metrics: Metrics) {
  const refusedByType = new Map<string, Counter>(
    refusedTypes.map((type) => [
      type,
      metrics.counter(`pilot_xds_${type}_reject`, `Pilot rejected ${type.toUpperCase()} configs.`, {
        node: { atMost: maxNodes },
      }),
    ]),
  );
  const rejects = metrics.counter(
    'pilot_total_xds_rejects',
    'Total number of XDS responses from pilot rejected by proxy.',
    { type: types },
  );
  return {
    connected: metrics.gauge('pilot_xds', 'Number of endpoints connected to this pilot using XDS.'),
    pushes: metrics.counter('pilot_xds_pushes', 'Pushes to proxies, by type.', { type: types }),
    convergence: metrics.histogram(
      'pilot_proxy_convergence_time',
      'Delay in seconds between a config change known here and a proxy having acknowledged it.',
      { buckets: [0.01, 0.05, 0.1, 0.5, 1, 3, 5, 10, 20, 30] },
    ),
    internalErrors: metrics.counter('pilot_total_xds_internal_errors', 'Total number of internal XDS errors in pilot.'),
    failing: metrics.gauge(
      'pilot_xds_members_failing',
      'What cannot be generated now, by type; proxies keep what they have of it.',
      { type: types },
    ),
    secretErrors: metrics.counter(
      'pilot_sds_certificate_errors_total',
      'Total number of failures to fetch SDS key and certificate.',
    ),
    /** A proxy refused a response of this type. */
    rejected(type: string, node: string): void {
      rejects.add(1, { type });
      refusedByType.get(type)?.add(1, { node });
    },
    /** A node that has disconnected has no series any more. */
    forget(node: string): void {
      for (const counter of refusedByType.values()) counter.remove({ node });
    },
  };
}
export type PilotMetrics = ReturnType<typeof createPilotMetrics>;
