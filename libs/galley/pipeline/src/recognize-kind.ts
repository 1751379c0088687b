import { buildProblem, kinds, type Problem } from '@flotilla/model';
import { closest } from '@flotilla/std';

/** Kinds of Kubernetes' own groups that the mesh has no use for. Others in these groups are likely misspelt. */
const builtIn: Readonly<Record<string, readonly string[]>> = {
  '': [
    'Binding',
    'ComponentStatus',
    'ConfigMap',
    'Endpoints',
    'Event',
    'LimitRange',
    'PersistentVolume',
    'PersistentVolumeClaim',
    'PodTemplate',
    'ReplicationController',
    'ResourceQuota',
    'Secret',
    'ServiceAccount',
  ],
  apps: ['ControllerRevision', 'DaemonSet', 'Deployment', 'ReplicaSet', 'StatefulSet'],
  batch: ['CronJob', 'Job'],
  autoscaling: ['HorizontalPodAutoscaler', 'Scale'],
  policy: ['PodDisruptionBudget', 'PodSecurityPolicy', 'Eviction'],
};

/** Kinds that Istio reads and this version does not. */
const planned: Readonly<Record<string, readonly string[]>> = {
  'networking.istio.io': ['EnvoyFilter'],
  'extensions.istio.io': ['WasmPlugin'],
  'install.istio.io': ['IstioOperator'],
  'gateway.networking.k8s.io': [
    'GatewayClass',
    'Gateway',
    'HTTPRoute',
    'GRPCRoute',
    'TCPRoute',
    'TLSRoute',
    'UDPRoute',
    'ReferenceGrant',
  ],
  'networking.k8s.io': ['Ingress', 'IngressClass'],
  extensions: ['Ingress'],
  'multicluster.x-k8s.io': ['ServiceExport', 'ServiceImport'],
};

const meshGroups = [...new Set(kinds.map(({ group }) => group))];
const istioGroups = [...new Set([...meshGroups, ...Object.keys(planned)])].filter((group) =>
  group.endsWith('.istio.io'),
);
const kindsOf = (group: string): string[] => [
  ...new Set([
    ...kinds.filter((info) => info.group === group).map(({ kind }) => kind),
    ...(builtIn[group] ?? []),
    ...(planned[group] ?? []),
  ]),
];

/**
 * What galley makes of an object's kind: it reads it, or leaves it to others; with a problem where its author likely
 * expects something else.
 */
export interface RecognizedKind {
  readonly isRead: boolean;
  readonly problem?: Problem;
}

/** Recognizes a kind by the `apiVersion` and `kind` of an object. */
export function recognizeKind({
  apiVersion,
  kind,
}: {
  readonly apiVersion: string;
  readonly kind: string;
}): RecognizedKind {
  const group = apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';
  const isRead = kinds.some((info) => info.group === group && info.kind === kind);
  if (Object.hasOwn(planned, group) && planned[group]?.includes(kind)) return { isRead, problem: notSupported(kind) };
  if (isRead || (Object.hasOwn(builtIn, group) && builtIn[group]?.includes(kind))) return { isRead };
  if (group !== 'discovery.k8s.io' && (meshGroups.includes(group) || Object.hasOwn(builtIn, group))) {
    return { isRead, problem: unknownKind({ apiVersion, kind }, closest(kind, kindsOf(group))) };
  }
  const meant = closest(group, istioGroups);
  if (group.endsWith('.istio.io') ? !istioGroups.includes(group) : meant !== undefined)
    return { isRead, problem: buildProblem('UnknownGroup', { group, suggestion: suggest(meant) }, 'apiVersion') };
  return { isRead };
}

const notSupported = (kind: string): Problem => buildProblem('NotSupported', { kind }, 'kind');
const suggest = (meant: string | undefined): string => (meant === undefined ? '' : `; did you mean ${meant}?`);
const unknownKind = (
  given: { readonly apiVersion: string; readonly kind: string },
  meant: string | undefined,
): Problem => buildProblem('UnknownKind', { ...given, suggestion: suggest(meant) }, 'kind');
