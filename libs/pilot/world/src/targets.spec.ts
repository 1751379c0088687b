import { describe, expect, it } from 'vitest';
import { keyOf } from '@flotilla/model';
import { Engine, Subject } from '@flotilla/query';
import { resourceOf } from '@flotilla/testing';
import { parseProxy } from './proxy.ts';
import { createWorldStore, worldChanges } from './store.ts';
import { serviceTargets } from './targets.ts';
import { allServices } from './services.ts';

type Plain = Readonly<Record<string, unknown>>;

const pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web-1', namespace: 'shop', labels: { app: 'web' } },
  spec: { containers: [] },
  status: { phase: 'Running', podIP: '10.0.0.1' },
};
const service = (name: string, created: string, namespace = 'shop'): Plain => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace, creationTimestamp: created },
  spec: { clusterIP: '10.96.0.1', selector: { app: 'web' }, ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
});
interface Outside {
  readonly hosts: readonly string[];
  readonly address?: string;
}
const entry = (name: string, created: string, { hosts, address = '10.0.0.1' }: Outside): Plain => ({
  apiVersion: 'networking.istio.io/v1beta1',
  kind: 'ServiceEntry',
  metadata: { name, namespace: 'shop', creationTimestamp: created },
  spec: {
    hosts,
    resolution: 'STATIC',
    location: 'MESH_INTERNAL',
    ports: [{ number: 80, name: 'http', protocol: 'HTTP' }],
    endpoints: [{ address }],
  },
});

const changesOf = (objects: readonly Plain[]) =>
  objects.map(resourceOf).flatMap((resource) => worldChanges(resource.collection, keyOf(resource.meta), resource));

function meshOf(
  objects: readonly Plain[],
  { type = 'sidecar', ...metadata }: Plain & { readonly type?: string } = {},
): { readonly engine: Engine; readonly subject: Subject } {
  const engine = new Engine(createWorldStore());
  engine.apply(changesOf(objects));
  const node = parseProxy({
    id: `${type}~10.0.0.1~web-1.shop~shop.svc.cluster.local`,
    metadata: { NAMESPACE: 'shop', ...metadata },
  });
  if (!node.ok) throw new Error(node.error);
  return { engine, subject: new Subject({ ...node.value }) };
}

const [older, newer] = ['2020-01-01T00:00:00Z', '2021-01-01T00:00:00Z'] as const;

describe('the services of a gateway whose pod is not known yet', () => {
  const named = (targetPort: unknown): Plain => ({
    ...service('web', older),
    spec: { clusterIP: '10.96.0.1', selector: { app: 'web' }, ports: [{ name: 'http', port: 80, targetPort }] },
  });
  const POD_PORTS = JSON.stringify([
    { name: 'web', containerPort: 8080, protocol: 'TCP' },
    { name: 'web', containerPort: 8081, protocol: 'UDP' },
    { name: 'odd', containerPort: 'x' },
  ]);
  const targets = (objects: readonly Plain[], metadata: Plain) => {
    const { engine, subject } = meshOf(objects, { type: 'router', ...metadata });
    return engine.read(serviceTargets, '', subject).map(({ service, targetPort }) => [service.hostname, targetPort]);
  };
  const web = 'web.shop.svc.cluster.local';

  it('are those that select the labels which it sent, at the ports that it reported', () => {
    const LABELS = { app: 'web' };
    expect(targets([named(8080)], { LABELS })).toEqual([[web, 8080]]);
    expect(targets([named('web')], { LABELS, POD_PORTS })).toEqual([[web, 8080]]);
    expect(targets([named('other')], { LABELS, POD_PORTS })).toEqual([]);
    expect(targets([named('web')], { LABELS, POD_PORTS: '[{' })).toEqual([]);
  });

  it('are none in other namespaces, and none without a selector or its labels', () => {
    const everything = { ...service('all', older), spec: { ports: [{ name: 'http', port: 80, targetPort: 1 }] } };
    expect(targets([everything, service('web', older, 'other')], { LABELS: { app: 'web' } })).toEqual([]);
    expect(targets([named(8080)], { LABELS: { app: 'api' } })).toEqual([]);
    expect(targets([named(8080)], {})).toEqual([]);
  });

  it('are none for a sidecar, as in Istio 1.19', () => {
    expect(targets([named(8080)], { type: 'sidecar', LABELS: { app: 'web' } })).toEqual([]);
  });

  it('are those of its pod once that is known', () => {
    const other = { ...pod, metadata: { ...pod.metadata, labels: { app: 'api' } } };
    expect(targets([named(8080), other], { LABELS: { app: 'web' } })).toEqual([]);
  });
});

describe('the services that a proxy is part of', () => {
  it('come in the order of all services, of whatever kind and however many of one age and name', () => {
    const { engine, subject } = meshOf([
      pod,
      service('b', older),
      service('a', newer),
      service('c', newer),
      entry('z', newer, { hosts: ['c.test', 'a.test'] }),
      entry('y', newer, { hosts: ['a.test', 'b.test'] }),
      entry('x', older, { hosts: ['d.test'] }),
    ]);
    const keys = engine.read(serviceTargets, '', subject).map((target) => target.service.key);
    const position = new Map(engine.read(allServices, '', subject).map((key, i) => [key, i]));
    expect(keys).toEqual([...keys].sort((one, other) => (position.get(one) ?? 0) - (position.get(other) ?? 0)));
    expect(new Set(keys).size).toBe(8);
  });

  it('are not found again when a service comes that the proxy is no part of', () => {
    const { engine, subject } = meshOf([
      pod,
      service('a', older),
      service('b', older),
      entry('x', older, { hosts: ['d.test'] }),
    ]);
    engine.watch(serviceTargets, '', subject);
    engine.resetStats();
    engine.apply(
      changesOf([entry('far', older, { hosts: ['far.test'], address: '10.0.0.7' }), service('far', older, 'bank')]),
    );
    expect(['service-targets', 'external-targets'].filter((name) => engine.stats.runs.has(name))).toEqual([]);
    engine.apply(changesOf([service('c', newer)]));
    expect(engine.stats.runs.get('service-targets')).toBe(1);
  });
});
