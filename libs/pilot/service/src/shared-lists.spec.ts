import { describe, expect, it } from 'vitest';
import { keyOf, parseMeshConfig, parseResource } from '@flotilla/model';
import { createWorldStore, parseProxy, worldChanges } from '@flotilla/pilot-world';
import { listsOf } from '@flotilla/pilot-xds';
import { Engine, Subject, type Change, type Watch } from '@flotilla/query';
import type { Holder, SharedList } from './shared-list.ts';
import { Affected } from './affected.ts';
import { SharedLists, type AskedList } from './shared-lists.ts';

/** What differs for each holder once all lists have taken over that watches have changed. */
function settle(lists: SharedLists, watches: Iterable<Watch>) {
  const affected = new Affected();
  Array.from(lists.settle(watches, affected));
  return new Map(affected);
}

type Plain = Readonly<Record<string, unknown>>;

function changeOf(kind: string, name: string, spec: Plain | undefined): Change[] {
  const parsed = parseResource({
    apiVersion: 'networking.istio.io/v1beta1',
    kind,
    metadata: { name, namespace: 'shop' },
    spec: spec ?? {},
  });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
  const { resource } = parsed.value;
  return worldChanges(resource.collection, keyOf(resource.meta), spec && resource);
}

const host = (name: string): string => `${name}.shop.svc.cluster.local`;
const entry = (name: string, address = '10.1.0.1', more: Plain = {}): Change[] =>
  changeOf('ServiceEntry', name, {
    hosts: [host(name)],
    ports: [{ name: 'http', number: 80, protocol: 'HTTP' }],
    resolution: 'STATIC',
    location: 'MESH_INTERNAL',
    endpoints: [{ address }],
    ...more,
  });
const cluster = (name: string): string => `outbound|80||${host(name)}`;

interface Sidecar extends Holder {
  readonly moves: { readonly from: SharedList; readonly now: SharedList }[];
}

function rig() {
  const engine = new Engine(createWorldStore());
  const over: SharedList[] = [];
  const lists = new SharedLists({ engine, onFailures: (list, isOver) => void (isOver && over.push(list)) });
  const config = parseMeshConfig({});
  if (!config.ok) throw new Error('the default mesh configuration is refused');
  engine.apply(worldChanges('mesh-config', keyOf(config.value.meta), config.value));
  engine.apply(entry('web'));
  const sidecar = (name: string, namespace: string, labels: Plain = {}): Sidecar => {
    const proxy = parseProxy({
      id: `sidecar~10.0.0.1~${name}.${namespace}~${namespace}.svc.cluster.local`,
      metadata: { NAMESPACE: namespace, CLUSTER_ID: 'Kubernetes', LABELS: labels },
    });
    if (!proxy.ok) throw new Error(proxy.error);
    const moves: Sidecar['moves'] = [];
    return { subject: new Subject({ ...proxy.value }), moves, onMoved: (from, now) => void moves.push({ from, now }) };
  };
  return { engine, lists, over, sidecar };
}

const [outboundClusters] = listsOf('cds');
const clusters: AskedList = { kind: 'cds', source: outboundClusters ?? { naming: undefined as never, key: '' } };
const endpoints: AskedList = { kind: 'eds', name: cluster('web') };

describe('shared lists', () => {
  it('are one for all proxies that agree on what the results depend on', () => {
    const { lists, sidecar, engine } = rig();
    engine.apply(entry('own', '10.1.0.2', { exportTo: ['.'] }));
    const [a, b, other] = [sidecar('a', 'shop'), sidecar('b', 'shop'), sidecar('c', 'bank')];
    const list = lists.join(clusters, a);
    expect(lists.find(clusters, b.subject)).toBe(list);
    expect(lists.join(clusters, b)).toBe(list);
    expect(lists.find(clusters, other.subject)).toBeUndefined();
    const others = lists.join(clusters, other);
    expect(list.resources.map(({ name }) => name).sort()).toEqual([cluster('own'), cluster('web')]);
    expect(others.resources.map(({ name }) => name)).toEqual([cluster('web')]);
    expect([...list.holders]).toEqual([a, b]);
  });

  it('are one list for each name, which is found by type and name', () => {
    const { lists, sidecar } = rig();
    const a = sidecar('a', 'shop');
    const list = lists.join(endpoints, a);
    expect(list.get(cluster('web'))).toMatchObject({ name: cluster('web') });
    expect(lists.find({ kind: 'eds', name: cluster('web') }, a.subject)).toBe(list);
    expect(lists.find({ kind: 'rds', name: cluster('web') }, a.subject)).toBeUndefined();
    expect(lists.find({ kind: 'eds', name: cluster('other') }, a.subject)).toBeUndefined();
  });

  it('end with their last holder, and with them every watch', () => {
    const { lists, sidecar, engine, over } = rig();
    const [a, b] = [sidecar('a', 'shop'), sidecar('b', 'shop')];
    const all = [clusters, endpoints].map((asked) => lists.join(asked, a));
    for (const asked of [clusters, endpoints]) lists.join(asked, b);
    for (const list of all) lists.leave(list, a);
    expect(over).toEqual([]);
    expect([...engine.watches()].length).toBeGreaterThan(0);
    for (const list of all) lists.leave(list, b);
    expect(over).toEqual(all);
    expect([...engine.watches()]).toEqual([]);
    for (const asked of [clusters, endpoints]) expect(lists.find(asked, a.subject)).toBeUndefined();
  });

  it('tell each holder the names that differ for it, and nobody else anything', () => {
    const { lists, sidecar, engine } = rig();
    const [a, b, other] = [sidecar('a', 'shop'), sidecar('b', 'shop'), sidecar('c', 'bank')];
    for (const holder of [a, b, other]) for (const asked of [clusters, endpoints]) lists.join(asked, holder);
    const moved = settle(lists, engine.apply(entry('web', '10.1.0.9')));
    for (const holder of [a, b, other])
      expect(moved.get(holder)).toEqual(new Map([['eds', new Set([cluster('web')])]]));
    settle(lists, engine.apply(entry('own', '10.1.0.2', { exportTo: ['.'] })));
    const added = settle(lists, engine.apply(entry('more', '10.1.0.3', { exportTo: ['.'] })));
    expect([...added]).toEqual([a, b].map((holder) => [holder, new Map([['cds', new Set([cluster('more')])]])]));
    expect(settle(lists, engine.apply(entry('more', '10.1.0.3', { exportTo: ['.'] })))).toEqual(new Map());
  });

  it('part when they come to depend on what their holders do not agree on', () => {
    const { lists, sidecar, engine } = rig();
    engine.apply(entry('more'));
    const [a, b] = [sidecar('a', 'shop', { app: 'a' }), sidecar('b', 'shop', { app: 'b' })];
    const list = lists.join(clusters, a);
    expect(lists.join(clusters, b)).toBe(list);
    const scope = changeOf('Sidecar', 'only-b', {
      workloadSelector: { labels: { app: 'b' } },
      egress: [{ hosts: [`./${host('web')}`] }],
    });
    const affected = settle(lists, engine.apply(scope));
    const [forA, forB] = [a, b].map(({ subject }) => lists.find(clusters, subject));
    expect(forA).not.toBe(forB);
    expect(forA?.resources.map(({ name }) => name).sort()).toEqual([cluster('more'), cluster('web')]);
    expect(forB?.resources.map(({ name }) => name)).toEqual([cluster('web')]);
    expect(affected.get(b)?.get('cds')).toBe('all');
    expect([a.moves.length, b.moves]).toEqual([0, [{ from: list, now: forB }]]);
    // Without the reason they stay apart, and are right.
    settle(lists, engine.apply(changeOf('Sidecar', 'only-b', undefined)));
    for (const { subject } of [a, b])
      expect(
        lists
          .find(clusters, subject)
          ?.resources.map(({ name }) => name)
          .sort(),
      ).toEqual([cluster('more'), cluster('web')]);
  });

  it('follow a holder whose subject is another one', () => {
    const { lists, sidecar, engine } = rig();
    engine.apply(entry('own', '10.1.0.2', { exportTo: ['.'] }));
    const a = sidecar('a', 'shop');
    const list = lists.join(clusters, a);
    const relabelled: Holder = { ...a, subject: sidecar('a', 'bank').subject };
    list.holders.delete(a);
    list.holders.add(relabelled);
    const now = lists.move(list, relabelled);
    expect(now.resources.map(({ name }) => name)).toEqual([cluster('web')]);
    expect(lists.find(clusters, a.subject)).toBeUndefined();
  });
});
