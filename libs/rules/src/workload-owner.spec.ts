import { describe, expect, it } from 'vitest';
import { workloadOwnerOf, type OwnedPod } from './workload-owner.ts';

const owned = (kind: string, name: string, labels: Record<string, string> = {}): OwnedPod => ({
  name: 'web-5b9c-x7',
  generateName: 'web-5b9c-',
  labels,
  ownerReferences: [
    { apiVersion: 'v1', kind: 'Node', name: 'other' },
    { apiVersion: 'apps/v1', kind, name, controller: true },
  ],
});

describe('the workload of a pod', () => {
  it.each([
    [
      'the Deployment of its ReplicaSet',
      owned('ReplicaSet', 'web-5b9c', { 'pod-template-hash': '5b9c' }),
      'Deployment web',
    ],
    ['the ReplicaSet without a hash', owned('ReplicaSet', 'web-5b9c'), 'ReplicaSet web-5b9c'],
    [
      'the ReplicaSet with another hash',
      owned('ReplicaSet', 'web-5b9c', { 'pod-template-hash': '1' }),
      'ReplicaSet web-5b9c',
    ],
    [
      'a name that only ends like the hash',
      owned('ReplicaSet', 'web5b9c', { 'pod-template-hash': '5b9c' }),
      'Deployment web5b9c',
    ],
    [
      'the DeploymentConfig of OpenShift',
      owned('ReplicationController', 'web-3', { deploymentconfig: 'web' }),
      'DeploymentConfig web',
    ],
    ['the CronJob of its Job', owned('Job', 'nightly-28353600'), 'CronJob nightly'],
    ['the Job without a time', owned('Job', 'once-1234567'), 'Job once-1234567'],
    ['any other controller', owned('StatefulSet', 'db'), 'StatefulSet db'],
  ])('is %s', (_, pod, expected) => {
    const { apiVersion, kind, name } = workloadOwnerOf(pod);
    expect(`${kind} ${name}`).toBe(expected);
    expect(apiVersion).toBe(kind === 'CronJob' ? 'batch/v1beta1' : 'apps/v1');
  });

  it('is the pod itself when its name was not generated or nothing controls it', () => {
    const { ownerReferences, generateName, ...named } = owned('ReplicaSet', 'web-5b9c');
    const itself = { apiVersion: 'v1', kind: 'Pod', name: 'web-5b9c-x7' };
    expect(workloadOwnerOf({ ...named, ownerReferences })).toEqual(itself);
    expect(workloadOwnerOf({ ...named, generateName })).toEqual(itself);
    expect(workloadOwnerOf({ ...named, generateName, ownerReferences: ownerReferences?.slice(0, 1) })).toEqual(itself);
  });
});
