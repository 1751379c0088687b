import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeKube } from '@flotilla/kube-fake';
import { resources, type KubeObject, type ServedKind } from '@flotilla/kube-port';
import { defaultInstallation, type LocatedProblem, type SourceEvent } from '@flotilla/model';
import { systemClock, type Clock } from '@flotilla/std';
import { createKubeSource } from './kube-source.ts';

const kindIn = (group: string, kind: string, plural: string): ServedKind => ({
  group,
  versions: ['v1'],
  plural,
  kind,
});
const httpRoutes = kindIn('gateway.networking.k8s.io', 'HTTPRoute', 'httproutes');
const gatewayClasses = {
  ...kindIn('gateway.networking.k8s.io', 'GatewayClass', 'gatewayclasses'),
  clusterScoped: true,
};

describe('what the source of a cluster says of kinds that it does not read', () => {
  let api: FakeKube;
  let pausing: PromiseWithResolvers<() => void>;
  const stop = new Set<() => void>();
  beforeEach(() => {
    api = new FakeKube();
    pausing = Promise.withResolvers();
  });
  afterEach(() => {
    for (const end of stop) end();
    stop.clear();
  });

  /** A clock on which time does not pass but by `endPause`. */
  const clock: Clock = {
    ...systemClock,
    after(_, callback) {
      pausing.resolve(callback);
      return () => {};
    },
  };
  /** Lets the time until the next discovery pass, once the source waits for that. */
  async function endPause(): Promise<void> {
    const end = await pausing.promise;
    pausing = Promise.withResolvers();
    end();
  }

  /** Reads on until the problems of all places are as wanted. */
  function read() {
    const ended = new AbortController();
    stop.add(() => ended.abort());
    const source = createKubeSource({ api, installation: defaultInstallation, clock });
    const changes = source.run(ended.signal)[Symbol.asyncIterator]();
    const places = new Map<string, readonly LocatedProblem[]>();
    const events: SourceEvent[] = [];
    const lines = (): readonly string[] =>
      [...places.values()]
        .flat()
        .map(({ problem }) => `${problem.level} ${problem.resource ?? ''}: ${problem.message}`);
    const until = async (isWanted: (lines: readonly string[], events: readonly SourceEvent[]) => boolean) => {
      while (!isWanted(lines(), events)) {
        const { value } = await changes.next();
        for (const change of value)
          for (const event of change.events) {
            events.push(event);
            if (event.type === 'problems') places.set(event.place, event.problems);
          }
      }
      return lines();
    };
    return { until, places };
  }
  const create = (kind: ServedKind, metadata: KubeObject['metadata'], spec: object = {}) =>
    api.others.create(kind, { apiVersion: `${kind.group}/v1`, kind: kind.kind, metadata, spec });
  const put = (kind: ServedKind, name: string, namespace?: string) =>
    create(kind, { name, ...(namespace === undefined ? {} : { namespace }) });
  const isSynced = (_: readonly string[], events: readonly SourceEvent[]): boolean =>
    events.some((event) => event.type === 'synced' && event.collection === 'mesh-networks');

  it('warns of each object of a kind without effect, while it exists', async () => {
    api.serve(httpRoutes);
    api.serve(gatewayClasses);
    await put(httpRoutes, 'cart', 'shop');
    await put(gatewayClasses, 'istio');
    const { until, places } = read();
    expect((await until((lines) => lines.length === 2)).toSorted()).toEqual([
      'warning GatewayClass istio: GatewayClass is not supported yet and has no effect',
      'warning HTTPRoute shop/cart: HTTPRoute is not supported yet and has no effect',
    ]);
    expect(places.get('httproutes.gateway.networking.k8s.io')).toMatchObject([
      { problem: { code: 'not-supported' }, origin: { type: 'cluster', cluster: 'Kubernetes', generation: 1 } },
    ]);
    await put(httpRoutes, 'pay', 'shop');
    await until((lines) => lines.length === 3);
    await api.others.delete(httpRoutes, { namespace: 'shop', name: 'cart' });
    await api.others.delete(gatewayClasses, { name: 'istio' });
    await until((lines) => lines.join().startsWith('warning HTTPRoute shop/pay') && lines.length === 1);
    api.withdraw(httpRoutes);
    await until((lines) => lines.length === 0);
  });

  it('warns of Ingresses and IngressClasses that Istio would take, by their classes and the mesh configuration', async () => {
    const ingresses = kindIn('networking.k8s.io', 'Ingress', 'ingresses');
    const ingressClasses = { ...kindIn('networking.k8s.io', 'IngressClass', 'ingressclasses'), clusterScoped: true };
    api.serve(ingresses);
    api.serve(ingressClasses);
    const ingress = (name: string, ingressClassName?: string, annotations = {}) =>
      create(ingresses, { name, namespace: 'shop', annotations }, { ingressClassName, defaultBackend: {} });
    const ingressClass = (name: string, controller: string) => create(ingressClasses, { name }, { controller });
    const warning = (kind: string, name: string): string =>
      `warning ${kind} ${name}: ${kind} is not supported yet and has no effect`;
    await ingress('plain');
    await ingress('nginx', 'nginx');
    await ingress('edge', 'edge');
    await ingress('old', undefined, { 'kubernetes.io/ingress.class': 'istio' });
    await ingress('other', undefined, { 'kubernetes.io/ingress.class': 'nginx' });
    await ingressClass('nginx', 'k8s.io/ingress-nginx');
    const { until } = read();
    const say = (...expected: readonly string[]) =>
      until((lines) => lines.toSorted().join('\n') === expected.toSorted().join('\n'));
    await say(warning('Ingress', 'shop/old'));
    await ingressClass('edge', 'istio.io/ingress-controller');
    const taken = [warning('Ingress', 'shop/edge'), warning('IngressClass', 'edge')];
    await say(warning('Ingress', 'shop/old'), ...taken);
    const mesh = (text: string) => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'istio', namespace: 'istio-system' },
      data: { mesh: text },
    });
    await api.others.create(resources.configMaps, mesh('{ingressControllerMode: DEFAULT, ingressClass: nginx}'));
    await say(warning('Ingress', 'shop/plain'), warning('Ingress', 'shop/other'), ...taken);
    await api.others.delete(resources.configMaps, { namespace: 'istio-system', name: 'istio' });
    await api.others.delete(ingressClasses, { name: 'edge' });
    await say(warning('Ingress', 'shop/old'));
  });

  it('warns of an object of a kind that is read, though it has no effect', async () => {
    await put(kindIn('networking.istio.io', 'EnvoyFilter', 'envoyfilters'), 'lua', 'shop');
    const isFilter = (event: SourceEvent): boolean => event.type === 'object' && event.collection === 'envoy-filters';
    let found: SourceEvent | undefined;
    await read().until((_, events) => (found = events.find(isFilter)) !== undefined);
    expect(found).toMatchObject({ key: { name: 'lua' }, problems: [{ code: 'not-supported' }] });
  });

  it('finds a kind whose CRD comes later', async () => {
    const { until } = read();
    await until(isSynced);
    api.serve(httpRoutes);
    await put(httpRoutes, 'cart', 'shop');
    await endPause();
    await until((lines) => lines.length === 1);
  });

  it('is complete although it may not read such a kind, and does not count as away', async () => {
    api.serve(httpRoutes);
    api.revoke(httpRoutes);
    const { until } = read();
    await until((lines, events) => {
      expect(events.filter(({ type }) => type === 'away')).toEqual([]);
      return isSynced(lines, events);
    });
    api.grant(httpRoutes);
    await put(httpRoutes, 'cart', 'shop');
    await until((lines) => lines.length === 1);
  });

  it('names each unknown kind of a group of Istio, and what may have been meant', async () => {
    api.serve(kindIn('networking.istio.io', 'VirtualServce', 'virtualservces'));
    api.serve(kindIn('netwrking.istio.io', 'Gateway', 'gateways'));
    api.serve(kindIn('networking.istio.io', 'Gateway', 'gateways'));
    api.serve(kindIn('example.com', 'Gateway', 'gateways'));
    api.serve(kindIn('networking.k8s.io', 'NetworkPolicy', 'networkpolicies'));
    const { until } = read();
    expect(await until((lines) => lines.length > 0)).toEqual([
      'error CustomResourceDefinition virtualservces.networking.istio.io: unknown kind VirtualServce of networking.istio.io/v1; did you mean VirtualService?',
      'error CustomResourceDefinition gateways.netwrking.istio.io: unknown group netwrking.istio.io; did you mean networking.istio.io?',
    ]);
    api.withdraw(kindIn('networking.istio.io', 'VirtualServce', 'virtualservces'));
    await endPause();
    await until((lines) => lines.length === 1);
  });

  it('reports at most 100 objects of a kind, and how many there are besides', async () => {
    api.serve(httpRoutes);
    for (let i = 0; i < 130; i += 1) await put(httpRoutes, `route-${i}`, 'shop');
    const { until } = read();
    const lines = await until((now) => now.length > 0);
    expect([lines.length, lines.at(-1)]).toEqual([
      101,
      'warning : 30 more problems here are not shown; solve these first',
    ]);
  });
});
