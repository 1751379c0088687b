import { keyOf, kindOf, parseResource } from '@flotilla/model';
import { Engine, Subject } from '@flotilla/query';
import { describe, expect, it } from 'vitest';
import { parseProxy } from './proxy.ts';
import { sidecarScope, type ServiceRef } from './sidecar-scope.ts';
import { createWorldStore, worldChanges } from './store.ts';

type Spec = Readonly<Record<string, unknown>>;
const object = (kind: string, at: string, spec: Spec): object => {
  const [namespace, name] = at.split('/');
  return { apiVersion: 'networking.istio.io/v1beta1', kind, metadata: { name, namespace }, spec };
};
const entry = (at: string, host: string, spec: Spec = {}): object =>
  object('ServiceEntry', at, {
    hosts: [host],
    resolution: 'STATIC',
    ports: [
      { number: 80, name: 'http', protocol: 'HTTP' },
      { number: 90, name: 'more', protocol: 'HTTP' },
    ],
    ...spec,
  });
const leadsTo = (host: string, port?: number): object =>
  object('VirtualService', 'shop/a', {
    hosts: ['a.test'],
    http: [{ route: [{ destination: { host, ...(port ? { port: { number: port } } : {}) } }] }],
  });

/** What a proxy of the namespace `shop` sees through its Sidecar's egress listeners. */
function seen(objects: readonly object[], egress: readonly object[]): readonly ServiceRef[] {
  const engine = new Engine(createWorldStore());
  engine.apply(
    [...objects, object('Sidecar', 'shop/default', { egress })].flatMap((raw) => {
      const parsed = parseResource(raw);
      const collection = kindOf(raw)?.collection;
      if (!parsed.ok || !collection) throw new Error(JSON.stringify(parsed));
      return worldChanges(collection, keyOf(parsed.value.resource.meta), parsed.value.resource);
    }),
  );
  const node = parseProxy({ id: 'sidecar~10.0.0.1~a.shop~shop.svc.cluster.local', metadata: { NAMESPACE: 'shop' } });
  if (!node.ok) throw new Error(node.error);
  return engine.read(sidecarScope, '', new Subject(node.value as unknown as Record<string, unknown>)).services;
}

describe("a Sidecar's egress", () => {
  it('imports a wildcard service only by a host that covers it', () => {
    const wild = entry('shop/wild', '*.wild.test');
    expect(seen([wild], [{ hosts: ['*/one.wild.test'] }])).toEqual([]);
    expect(seen([wild], [{ hosts: ['*/*.test'] }])).toMatchObject([{ hostname: '*.wild.test' }]);
  });

  it("leads on to what its VirtualServices lead to, with the ports they name, or with the listener's", () => {
    const objects = [entry('shop/a', 'a.test'), entry('bank/b', 'b.test')];
    const of = (port: object | undefined, to: number): readonly ServiceRef[] =>
      seen([...objects, leadsTo('b.test', to)], [{ hosts: ['./a.test'], ...(port ? { port } : {}) }]).filter(
        ({ hostname }) => hostname === 'b.test',
      );
    expect(of(undefined, 90)).toMatchObject([{ ports: [90] }]);
    expect(of({ number: 80, name: 'http', protocol: 'HTTP' }, 90)).toMatchObject([{ ports: [80] }]);
    expect(of({ number: 7000, name: 'proxy', protocol: 'HTTP_PROXY' }, 90)).toMatchObject([{ ports: [90] }]);
    expect(of(undefined, 91)).toEqual([]);
  });

  it('takes destinations of its own namespace first, seen or not, else of the first namespace that shows one', () => {
    const [bank, zoo] = [entry('bank/b', 'b.test'), entry('zoo/b', 'b.test')];
    const namespaces = (objects: readonly object[]): string[] =>
      seen([entry('shop/a', 'a.test'), leadsTo('b.test'), ...objects], [{ hosts: ['./a.test'] }])
        .filter(({ hostname }) => hostname === 'b.test')
        .map(({ namespace }) => namespace);
    expect(namespaces([zoo, bank])).toEqual(['bank']);
    expect(namespaces([zoo, entry('bank/b', 'b.test', { exportTo: ['.'] })])).toEqual(['zoo']);
    expect(namespaces([zoo, entry('shop/b', 'b.test', { exportTo: ['zoo'] })])).toEqual(['shop']);
  });

  it('brings ports of one host in one namespace together, under the oldest service', () => {
    const more = entry('shop/b', 'a.test', {
      ports: [
        { number: 80, name: 'http', protocol: 'HTTP' },
        { number: 70, name: 'other', protocol: 'TCP' },
      ],
    });
    const [only, ...others] = seen([entry('shop/a', 'a.test'), more], [{ hosts: ['./*'] }]);
    const added = only?.also?.map(({ key, ports }) => [key.object.name, ports]);
    expect([only?.key.object.name, added, others]).toEqual(['a', [['b', [70]]], []]);
    const partly = seen(
      [entry('shop/a', 'a.test'), more],
      [{ port: { number: 90, name: 'x', protocol: 'HTTP' }, hosts: ['./*'] }, { hosts: ['./*'] }],
    );
    expect(partly).toMatchObject([{ key: { object: { name: 'a' } }, ports: [90, 80], also: [{ ports: [70] }] }]);
  });
});
