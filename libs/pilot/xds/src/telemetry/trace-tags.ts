import { compareText } from '@flotilla/std';
import type { MeshProxyConfig, Telemetry } from '@flotilla/model';
import type { View } from '@flotilla/pilot-world';
import type { envoy } from '@flotilla/proto-gen/envoy';

type ICustomTag = envoy.type.tracing.v3.ICustomTag;
/** Tags by name: Telemetry's and defaultConfig's are of one form. */
export type CustomTags =
  | NonNullable<NonNullable<Telemetry['tracing']>[number]['customTags']>
  | NonNullable<NonNullable<MeshProxyConfig['tracing']>['customTags']>;

const literal = (tag: string, value: string): ICustomTag => ({ tag, literal: { value } });
const dryRun = (tag: string, key: string): ICustomTag => ({
  tag: `istio.authorization.dry_run.${tag}`,
  metadata: { kind: { request: {} }, metadataKey: { key: 'envoy.filters.http.rbac', path: [{ key }] } },
});

/** What dry-run policies would have done; a tag without value is not written. */
const policyTags: readonly ICustomTag[] = [
  dryRun('allow_policy.name', 'istio_dry_run_allow_shadow_effective_policy_id'),
  dryRun('allow_policy.result', 'istio_dry_run_allow_shadow_engine_result'),
  dryRun('deny_policy.name', 'istio_dry_run_deny_shadow_effective_policy_id'),
  dryRun('deny_policy.result', 'istio_dry_run_deny_shadow_engine_result'),
];

function workloadTags(view: View): ICustomTag[] {
  const meta = (name: string, otherwise: string): string => {
    const value = view.meta(name);
    return typeof value === 'string' && value !== '' ? value : otherwise;
  };
  return [
    literal('istio.canonical_revision', view.label('service.istio.io/canonical-revision') || 'latest'),
    literal('istio.canonical_service', view.label('service.istio.io/canonical-name') || 'unknown'),
    literal('istio.mesh_id', meta('MESH_ID', 'unknown')),
    literal('istio.namespace', meta('NAMESPACE', 'default')),
  ];
}

const ownTags = (tags: CustomTags): ICustomTag[] =>
  Object.entries(tags).flatMap(([tag, { literal: text, environment, header }]): ICustomTag[] => {
    const read = (from: NonNullable<typeof environment>): { name: string; defaultValue?: string } => ({
      name: from.name ?? '',
      ...(from.defaultValue ? { defaultValue: from.defaultValue } : {}),
    });
    if (text) return [literal(tag, text.value ?? '')];
    if (environment) return [{ tag, environment: read(environment) }];
    return header ? [{ tag, requestHeader: read(header) }] : [];
  });

/** The tags of every span, by name: those of the workload and of dry-run policies, and what the configuration adds. */
export const buildTags = (view: View, own: CustomTags): ICustomTag[] =>
  [...workloadTags(view), ...policyTags, ...ownTags(own)].sort((a, b) => compareText(a.tag ?? '', b.tag ?? ''));
