import type { Labels } from './labels.ts';

export interface OwnerReference {
  readonly apiVersion?: string;
  readonly kind: string;
  readonly name: string;
  readonly controller?: boolean;
}

/** What decides which workload a pod belongs to: its metadata. */
export interface OwnedPod {
  readonly name?: string;
  readonly generateName?: string;
  readonly labels?: Labels;
  readonly ownerReferences?: readonly OwnerReference[];
}

export interface WorkloadOwner {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
}

/**
 * The workload that a pod belongs to (Istio's kube.GetDeployMetaFromPod). A pod whose name was generated belongs to its
 * controller: to the Deployment of its ReplicaSet, the DeploymentConfig of its ReplicationController or the CronJob of
 * its Job. Any other pod is its own workload.
 */
export function workloadOwnerOf({
  name = '',
  generateName,
  labels = {},
  ownerReferences = [],
}: OwnedPod): WorkloadOwner {
  const controller = generateName ? ownerReferences.find((reference) => reference.controller) : undefined;
  if (!controller) return { apiVersion: 'v1', kind: 'Pod', name };
  const owner = { apiVersion: controller.apiVersion ?? '', kind: controller.kind, name: controller.name || name };
  const hash = labels['pod-template-hash'];
  if (owner.kind === 'ReplicaSet' && hash && owner.name.endsWith(hash))
    return { ...owner, kind: 'Deployment', name: withoutSuffix(owner.name, `-${hash}`) || name };
  if (owner.kind === 'ReplicationController' && labels['deploymentconfig'])
    return { ...owner, kind: 'DeploymentConfig', name: labels['deploymentconfig'] };
  const job = owner.kind === 'Job' ? /^(.+)-\d{8,10}$/.exec(owner.name) : undefined;
  return job?.[1] ? { apiVersion: 'batch/v1beta1', kind: 'CronJob', name: job[1] } : owner;
}

const withoutSuffix = (text: string, suffix: string): string =>
  text.endsWith(suffix) ? text.slice(0, -suffix.length) : text;
