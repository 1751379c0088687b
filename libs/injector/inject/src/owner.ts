import type { PodObject, TemplateInput } from '@flotilla/injector-template';

/**
 * The workload of a pod, by its controlling owner (pkg/kube, GetDeployMetaFromPod); a pod that stands alone is its own.
 */
export function ownerOf(pod: PodObject, namespace: string): TemplateInput['owner'] {
  const { name = '', generateName, labels = {}, ownerReferences = [] } = pod.metadata;
  const itself = { apiVersion: pod.apiVersion ?? 'v1', kind: pod.kind ?? 'Pod', name, namespace };
  const controller = generateName ? ownerReferences.find((reference) => reference.controller) : undefined;
  if (!controller) return itself;
  const owner = { apiVersion: controller.apiVersion ?? '', kind: controller.kind, name: controller.name, namespace };
  const hash = labels['pod-template-hash'];
  if (owner.kind === 'ReplicaSet' && hash && owner.name.endsWith(hash))
    return { ...owner, kind: 'Deployment', name: owner.name.slice(0, -(hash.length + 1)) };
  if (owner.kind === 'ReplicationController' && labels['deploymentconfig'])
    return { ...owner, kind: 'DeploymentConfig', name: labels['deploymentconfig'] };
  const job = owner.kind === 'Job' ? /^(.+)-\d{8,10}$/.exec(owner.name) : undefined;
  return job?.[1] ? { ...owner, apiVersion: 'batch/v1beta1', kind: 'CronJob', name: job[1] } : owner;
}
