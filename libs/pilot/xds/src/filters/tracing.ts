import type { View } from '@flotilla/pilot-world';
import type { envoy } from '@flotilla/proto-gen/envoy';

type ITracing = envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.ITracing;
type ICustomTag = envoy.type.tracing.v3.ICustomTag;

const percent = (value: number): envoy.type.v3.IPercent => ({ value });
const literal = (tag: string, value: string): ICustomTag => ({ tag, literal: { value } });
const dryRun = (tag: string, key: string): ICustomTag =>
  ({ tag: `istio.authorization.dry_run.${tag}`, metadata: { kind: { request: {} }, metadataKey: { key: 'envoy.filters.http.rbac', path: [{ key }] } } });

/** Istio's default tracing: one request of a hundred, tagged with the workload (Istio "Telemetry", trace customTags). */
export function buildTracing(view: View): ITracing {
  const mesh = view.meta('MESH_ID');
  return {
    clientSampling: percent(100),
    randomSampling: percent(1),
    overallSampling: percent(100),
    customTags: [
      dryRun('allow_policy.name', 'istio_dry_run_allow_shadow_effective_policy_id'),
      dryRun('allow_policy.result', 'istio_dry_run_allow_shadow_engine_result'),
      dryRun('deny_policy.name', 'istio_dry_run_deny_shadow_effective_policy_id'),
      dryRun('deny_policy.result', 'istio_dry_run_deny_shadow_engine_result'),
      literal('istio.canonical_revision', view.label('service.istio.io/canonical-revision') ?? 'latest'),
      literal('istio.canonical_service', view.label('service.istio.io/canonical-name') ?? 'unknown'),
      literal('istio.mesh_id', typeof mesh === 'string' && mesh !== '' ? mesh : 'unknown'),
      literal('istio.namespace', view.attr('namespace')),
    ],
  };
}
