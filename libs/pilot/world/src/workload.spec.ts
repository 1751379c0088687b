import { describe, expect, it } from 'vitest';
import { keyOf } from '@flotilla/model';
import { Engine, Subject } from '@flotilla/query';
import { resourceOf } from '@flotilla/testing';
import { parseProxy } from './proxy.ts';
import { createWorldStore, worldChanges } from './store.ts';
import { workload } from './workload.ts';

type Labels = Readonly<Record<string, string>>;
const pod = (labels: Labels, { name = 'a', ip = '10.0.0.1' } = {}): unknown => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'ns', labels },
  spec: { nodeName: 'n1', containers: [] },
  status: { podIP: ip, phase: 'Running' },
});
const node = {
  apiVersion: 'v1',
  kind: 'Node',
  metadata: {
    name: 'n1',
    labels: { 'topology.kubernetes.io/region': 'east', 'topology.kubernetes.io/zone': 'east-1' },
  },
};
const serviceEntry = (namespace: string, labels: Labels): unknown => ({
  apiVersion: 'networking.istio.io/v1beta1',
  kind: 'ServiceEntry',
  metadata: { name: 'e', namespace },
  spec: {
    hosts: ['e.test'],
    ports: [{ number: 80, name: 'http', protocol: 'HTTP' }],
    resolution: 'STATIC',
    endpoints: [{ address: '10.0.0.1', labels }],
  },
});

function labelsOf(metadata: Readonly<Record<string, unknown>>, ...objects: unknown[]): Labels {
  const engine = new Engine(createWorldStore());
  for (const resource of objects.map(resourceOf))
    engine.apply(worldChanges(resource.collection, keyOf(resource.meta), resource));
  const proxy = parseProxy({
    id: 'sidecar~10.0.0.1~a.ns~ns.svc.cluster.local',
    metadata: { NAMESPACE: 'ns', ...metadata },
  });
  if (!proxy.ok) throw new Error(proxy.error);
  return engine.read(workload, '', new Subject({ ...proxy.value })).labels;
}

describe("the labels of a proxy's workload", () => {
  const sent = { LABELS: { app: 'sent', extra: 'sent' } };

  it('are those that it sends while nothing else is known', () => {
    expect(labelsOf(sent)).toEqual({ app: 'sent', extra: 'sent' });
    expect(labelsOf({ ...sent, CLUSTER_ID: 'other' }, pod({ app: 'pod' }))).toMatchObject({
      app: 'sent',
      'topology.istio.io/cluster': 'other',
    });
  });

  it("are its pod's, with where it runs, over what it was given for good", () => {
    expect(labelsOf({ ...sent, STATIC_LABELS: { app: 'static', tier: 'static' } }, pod({ app: 'pod' }), node)).toEqual({
      app: 'pod',
      tier: 'static',
      'topology.kubernetes.io/region': 'east',
      'topology.kubernetes.io/zone': 'east-1',
      'topology.istio.io/cluster': 'Kubernetes',
      'kubernetes.io/hostname': 'n1',
    });
  });

  it('are of the pod of its name, else of its address', () => {
    expect(
      labelsOf(sent, pod({ app: 'named' }, { ip: '10.0.0.9' }), pod({ app: 'there' }, { name: 'b' })),
    ).toMatchObject({ app: 'named' });
    expect(labelsOf(sent, pod({ app: 'there' }, { name: 'b' }))).toMatchObject({ app: 'there' });
  });

  it("are its ServiceEntry's before its pod's, but not those of one of another namespace", () => {
    expect(labelsOf(sent, pod({ app: 'pod' }), serviceEntry('ns', { app: 'entry' }))).toMatchObject({ app: 'entry' });
    expect(labelsOf(sent, pod({ app: 'pod' }), serviceEntry('ns', {}))).not.toHaveProperty('app');
    expect(labelsOf(sent, pod({ app: 'pod' }), serviceEntry('elsewhere', { app: 'entry' }))).toMatchObject({
      app: 'pod',
    });
  });
});
