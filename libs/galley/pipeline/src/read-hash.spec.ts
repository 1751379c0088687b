import { describe, expect, it } from 'vitest';
import { hashOfRead } from './read-hash.ts';

const metadata = { name: 'web', namespace: 'shop', labels: { app: 'web' } };
const entry = {
  apiVersion: 'networking.istio.io/v1beta1',
  kind: 'ServiceEntry',
  metadata,
  spec: { hosts: ['a.test'] },
};
const pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata,
  spec: { nodeName: 'n' },
  status: { podIP: '10.0.0.1', conditions: [{ type: 'Ready', status: 'True', lastProbeTime: '1' }] },
};

describe('the hash of what is read of an object', () => {
  it.each([
    ['a resourceVersion', { ...entry, metadata: { ...metadata, resourceVersion: '2' } }],
    ['a generation', { ...entry, metadata: { ...metadata, generation: 2 } }],
    ['managed fields', { ...entry, metadata: { ...metadata, managedFields: [{ manager: 'kubectl' }] } }],
    ['a status', { ...entry, status: { conditions: [{ type: 'Reconciled', status: 'True' }] } }],
  ])('is the same with %s', (_what, changed) => expect(hashOfRead(changed)).toBe(hashOfRead(entry)));

  it('is the same when only fields of the status that galley does not read have changed', () => {
    const conditions = [{ type: 'Ready', status: 'True', lastProbeTime: '2' }];
    expect(hashOfRead({ ...pod, status: { ...pod.status, conditions, message: 'x' } })).toBe(hashOfRead(pod));
  });

  it.each([
    ['its spec', entry, { ...entry, spec: { hosts: ['b.test'] } }],
    ['a label', entry, { ...entry, metadata: { ...metadata, labels: { app: 'other' } } }],
    ['an annotation', entry, { ...entry, metadata: { ...metadata, annotations: { a: 'b' } } }],
    ['its version', entry, { ...entry, apiVersion: 'networking.istio.io/v1alpha3' }],
    ['an unknown member', entry, { ...entry, specs: {} }],
    ["a Pod's address", pod, { ...pod, status: { ...pod.status, podIP: '10.0.0.2' } }],
    ["a Pod's condition", pod, { ...pod, status: { ...pod.status, conditions: [{ type: 'Ready', status: 'False' }] } }],
    ['what is no object', 'a', 'b'],
  ])('is another with %s', (_what, before, after) => expect(hashOfRead(after)).not.toBe(hashOfRead(before)));

  it('is empty for values that JSON cannot represent', () => {
    const circle: { self?: unknown } = {};
    circle.self = circle;
    expect(hashOfRead(circle)).toBe('');
  });
});
