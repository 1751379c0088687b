import { describe, expect, it } from 'vitest';
import { keyOf, parseResource } from '@flotilla/model';
import { portKey } from '@flotilla/pilot-registry';
import { Engine, Subject } from '@flotilla/query';
import {
  addressesFor,
  allServices,
  createWorldStore,
  endpointsFrom,
  endpointSource,
  parseProxy,
  registeredWorkload,
  serviceOf,
  serviceTargets,
  worldChanges,
  worldQuery,
} from './index.ts';

type Plain = Readonly<Record<string, unknown>>;

/** The service `web` of a cluster, with one pod behind it. */
const webOf = (cluster: string, { ip, vip }: { readonly ip: string; readonly vip: string }) => {
  const meta = (name: string, labels: Plain = {}): Plain => ({ name, namespace: 'shop', labels });
  const ports = [{ name: 'http', port: 80 }];
  return [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: meta('web'),
      spec: { clusterIP: vip, ports, selector: { app: 'web' } },
    },
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: meta('web-1', { app: 'web', cluster }),
      spec: { serviceAccountName: 'web', containers: [] },
      status: { podIP: ip, podIPs: [{ ip }] },
    },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: meta('web-x', { 'kubernetes.io/service-name': 'web' }),
      addressType: 'IPv4',
      ports,
      endpoints: [
        { addresses: [ip], conditions: { ready: true }, targetRef: { kind: 'Pod', name: 'web-1', namespace: 'shop' } },
      ],
    },
  ].flatMap((object) => {
    const parsed = parseResource(object, { cluster });
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
    const { resource } = parsed.value;
    return worldChanges(resource.collection, keyOf(resource.meta), resource);
  });
};

const east = webOf('east', { ip: '10.1.0.1', vip: '10.8.0.1' });
const west = webOf('west', { ip: '10.2.0.1', vip: '10.9.0.1' });
const http = portKey({ hostname: 'web.shop.svc.cluster.local', namespace: 'shop', port: 'http' });

function mesh(clusterId: string) {
  const engine = new Engine(createWorldStore({ clusterId, domain: 'cluster.local', systemNamespace: 'istio-system' }));
  const proxyIn = (cluster: string, ip: string): Subject => {
    const node = parseProxy({
      id: `sidecar~${ip}~web-1.shop~shop.svc.cluster.local`,
      metadata: { NAMESPACE: 'shop', CLUSTER_ID: cluster },
    });
    if (!node.ok) throw new Error(node.error);
    return new Subject({ ...node.value });
  };
  return { engine, proxyIn };
}

const addresses = worldQuery('addresses-of-spec', (view) =>
  view.query(allServices, '').flatMap((key) => {
    const service = view.query(serviceOf, key);
    return service ? addressesFor(view, service) : [];
  }),
);
const labels = worldQuery('labels-of-spec', (view) => registeredWorkload(view)?.labels['cluster']);

describe('a service of two clusters', () => {
  it('is one service, with the settings of the cluster of the configuration', () => {
    const { engine, proxyIn } = mesh('west');
    engine.apply([...east, ...west]);
    const keys = engine.read(allServices, '', proxyIn('east', '10.1.0.1'));
    expect(keys.map(({ object }) => object.cluster)).toEqual(['west']);
    engine.apply(west.map(({ collection, key }) => ({ collection, key })));
    const left = engine.read(allServices, '', proxyIn('east', '10.1.0.1'));
    expect(left.map(({ object }) => object.cluster)).toEqual(['east']);
  });

  it('has the endpoints of both, each with its cluster', () => {
    const { engine, proxyIn } = mesh('west');
    engine.apply([...west, ...east]);
    const proxy = proxyIn('west', '10.2.0.1');
    const endpoints = engine.read(endpointsFrom, engine.read(endpointSource, http, proxy), proxy);
    expect(endpoints.map(({ address, clusterId }) => [address, clusterId])).toEqual([
      ['10.1.0.1', 'east'],
      ['10.2.0.1', 'west'],
    ]);
    expect(endpoints.map((endpoint) => endpoint.labels['topology.istio.io/cluster'])).toEqual(['east', 'west']);
  });

  it('has for each proxy the address of its own cluster', () => {
    const { engine, proxyIn } = mesh('west');
    engine.apply([...east, ...west]);
    const seen = ['east', 'west', 'elsewhere'].map((cluster) =>
      engine.read(addresses, '', proxyIn(cluster, '10.7.0.1')),
    );
    expect(seen).toEqual([['10.8.0.1'], ['10.9.0.1'], ['10.9.0.1']]);
  });

  it('is served by each pod in its own cluster only, though both have one name', () => {
    const { engine, proxyIn } = mesh('west');
    engine.apply([...east, ...west]);
    for (const [cluster, ip] of [
      ['east', '10.1.0.1'],
      ['west', '10.2.0.1'],
    ] as const) {
      const proxy = proxyIn(cluster, ip);
      const targets = engine.read(serviceTargets, '', proxy);
      expect(targets.map(({ endpoint }) => [endpoint.address, endpoint.clusterId])).toEqual([[ip, cluster]]);
      expect(engine.read(labels, '', proxy)).toBe(cluster);
    }
    expect(engine.read(serviceTargets, '', proxyIn('elsewhere', '10.1.0.1'))).toEqual([]);
  });
});
