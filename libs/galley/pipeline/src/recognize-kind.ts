import { buildProblem, kinds, unsupportedKinds, type Problem } from '@flotilla/model';
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

const meshGroups = [...new Set(kinds.map(({ group }) => group))];
const istioGroups = [...new Set([...meshGroups, ...unsupportedKinds.map(({ group }) => group)])].filter((group) =>
  group.endsWith('.istio.io'),
);
const kindsOf = (group: string): string[] => [
  ...new Set([
    ...[...kinds, ...unsupportedKinds].filter((info) => info.group === group).map(({ kind }) => kind),
    ...(builtIn[group] ?? []),
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
  const isOne = (info: { readonly group: string; readonly kind: string }): boolean =>
    info.group === group && info.kind === kind;
  const isRead = kinds.some(isOne);
  if (unsupportedKinds.some(isOne)) return { isRead, problem: buildProblem('NotSupported', { kind }, 'kind') };
  if (isRead || (Object.hasOwn(builtIn, group) && builtIn[group]?.includes(kind))) return { isRead };
  if (group !== 'discovery.k8s.io' && (meshGroups.includes(group) || Object.hasOwn(builtIn, group))) {
    return { isRead, problem: unknownKind({ apiVersion, kind }, closest(kind, kindsOf(group))) };
  }
  const meant = closest(group, istioGroups);
  if (group.endsWith('.istio.io') ? !istioGroups.includes(group) : meant !== undefined)
    return { isRead, problem: buildProblem('UnknownGroup', { group, suggestion: suggest(meant) }, 'apiVersion') };
  return { isRead };
}

const suggest = (meant: string | undefined): string => (meant === undefined ? '' : `; did you mean ${meant}?`);
const unknownKind = (
  given: { readonly apiVersion: string; readonly kind: string },
  meant: string | undefined,
): Problem => buildProblem('UnknownKind', { ...given, suggestion: suggest(meant) }, 'kind');
