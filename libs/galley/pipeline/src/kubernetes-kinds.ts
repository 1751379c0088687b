/** Kinds of Kubernetes' own groups that the mesh has no use for: no mistake, nothing to tell. Others in these groups are likely misspelt. */
const builtIn: Readonly<Record<string, readonly string[]>> = {
  '': [
    'Binding', 'ComponentStatus', 'ConfigMap', 'Endpoints', 'Event', 'LimitRange', 'PersistentVolume', 'PersistentVolumeClaim', 'PodTemplate', 'ReplicationController', 'ResourceQuota',
    'Secret', 'ServiceAccount',
  ],
  'apps': ['ControllerRevision', 'DaemonSet', 'Deployment', 'ReplicaSet', 'StatefulSet'],
  'batch': ['CronJob', 'Job'],
  'autoscaling': ['HorizontalPodAutoscaler', 'Scale'],
  'policy': ['PodDisruptionBudget', 'PodSecurityPolicy', 'Eviction'],
};

/** True for kinds that are not the mesh's and no mistake: of Kubernetes, and of any group that is neither Kubernetes' nor the mesh's. */
export function isForeignKind({ group, kind }: { group: string; kind: string }, meshGroups: ReadonlySet<string>): boolean {
  if (Object.hasOwn(builtIn, group)) return builtIn[group]?.includes(kind) ?? false;
  return !meshGroups.has(group) || group === 'discovery.k8s.io';
}
