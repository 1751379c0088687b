import { describe, expect, it } from 'vitest';
import {
  endpointSlicesOf,
  podsBehind,
  podsOf,
  targetPort,
  type KubeObject,
  type RunningPod,
  type Service,
} from './objects.ts';

const workload = (kind: string, spec: object): KubeObject => ({
  apiVersion: 'apps/v1',
  kind,
  metadata: { name: 'web', namespace: 'shop' },
  spec: { template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'web' }] } }, ...spec },
});
const pod = (name: string, of: Partial<RunningPod> = {}): RunningPod => ({
  name,
  namespace: 'shop',
  ip: '10.244.0.7',
  isReady: true,
  labels: { app: 'web' },
  containers: [{ name: 'web', ports: [{ name: 'http', containerPort: 8080 }] }],
  ...of,
});
const service = (spec: NonNullable<Service['spec']>): Service => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web', namespace: 'shop', labels: { team: 'a' } },
  spec,
});

describe('pods of workloads', () => {
  it("of a Deployment belong to a ReplicaSet named after the template's hash, and are labelled with it", () => {
    const pods = podsOf([workload('Deployment', { replicas: 2 })]);
    const [{ object } = { object: undefined }] = pods;
    const hash = object?.metadata.labels?.['pod-template-hash'] ?? '';
    expect(hash).toMatch(/^[0-9a-f]{10}$/);
    expect(object?.metadata).toMatchObject({
      namespace: 'shop',
      generateName: `web-${hash}-`,
      labels: { app: 'web' },
      ownerReferences: [{ kind: 'ReplicaSet', name: `web-${hash}`, controller: true }],
    });
    expect(new Set(pods.map(({ name }) => name)).size).toBe(2);
    for (const { name } of pods) expect(name).toMatch(new RegExp(`^web-${hash}-[0-9a-f]{5}$`));
  });

  it("have other names when the template changes, and the same when it doesn't", () => {
    const names = (replicas: number, image: string): string[] =>
      podsOf([workload('Deployment', { replicas, template: { spec: { containers: [{ name: 'web', image }] } } })]).map(
        ({ name }) => name,
      );
    expect(names(2, 'a').slice(0, 1)).toEqual(names(1, 'a'));
    expect(names(1, 'a')).not.toEqual(names(1, 'b'));
  });

  it('of a StatefulSet are numbered and have a name of their own', () => {
    expect(
      podsOf([workload('StatefulSet', { replicas: 2, serviceName: 'web' })]).map(({ name, object }) => [
        name,
        object.spec['hostname'],
        object.spec['subdomain'],
      ]),
    ).toEqual([
      ['web-0', 'web-0', 'web'],
      ['web-1', 'web-1', 'web'],
    ]);
  });

  it('do not exist for kinds without pods', () => {
    expect(
      podsOf([workload('ConfigMap', {}), { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'x' } }]),
    ).toEqual([]);
  });
});

describe('endpoints of a Service', () => {
  it('are the pods of its namespace that it selects, none without a selector', () => {
    const pods = [pod('a'), pod('b', { labels: { app: 'other' } }), pod('c', { namespace: 'other' })];
    expect(podsBehind(service({ selector: { app: 'web' } }), pods).map(({ name }) => name)).toEqual(['a']);
    expect(podsBehind(service({}), pods)).toEqual([]);
  });

  it("have the port that the Service means: its own, a number, or a container's by name", () => {
    expect(
      [undefined, 0, 9090, '9091', 'http', 'none'].map((target) =>
        targetPort({ port: 80, ...(target === undefined ? {} : { targetPort: target }) }, pod('a')),
      ),
    ).toEqual([80, 80, 9090, 9091, 8080, undefined]);
  });

  it('are told by readiness, in one slice for each set of ports', () => {
    const named = pod('b', {
      ip: '10.244.0.8',
      isReady: false,
      containers: [{ name: 'web', ports: [{ name: 'http', containerPort: 9999 }] }],
    });
    const slices = endpointSlicesOf(
      service({ selector: { app: 'web' }, ports: [{ name: 'web', port: 80, targetPort: 'http' }] }),
      { pods: [pod('a'), named], nodeName: 'n' },
    );
    expect(slices).toMatchObject([
      {
        metadata: { labels: { team: 'a', 'kubernetes.io/service-name': 'web' } },
        ports: [{ name: 'web', port: 8080, protocol: 'TCP' }],
        endpoints: [{ addresses: ['10.244.0.7'], conditions: { ready: true }, targetRef: { kind: 'Pod', name: 'a' } }],
      },
      { ports: [{ port: 9999 }], endpoints: [{ addresses: ['10.244.0.8'], conditions: { ready: false } }] },
    ]);
    expect(new Set(slices.map(({ metadata }) => metadata.name)).size).toBe(2);
  });
});
