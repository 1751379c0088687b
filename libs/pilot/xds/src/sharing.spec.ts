import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { keyOf } from '@flotilla/model';
import { createWorldStore, parseProxy, proxySubject, worldChanges, type Node } from '@flotilla/pilot-world';
import { Engine, ListWatch, type Change, type Signature, type Subject } from '@flotilla/query';
import { goldenInputs, resourceOf } from '@flotilla/testing';
import { resourceKey, type XdsKind } from './finish/kinds.ts';
import { meshOf } from './golden.fixture.ts';
import { destinationRule, serviceEntry, virtualService, type Plain } from './mesh.fixture.ts';
import { readAll, readOne } from './read.ts';
import { isWhole, listsOf } from './roots.ts';

const changesOf = (objects: readonly unknown[]): Change[] =>
  objects.map(resourceOf).flatMap((resource) => worldChanges(resource.collection, keyOf(resource.meta), resource));

function subjectOf(engine: Engine, node: Node): Subject {
  const parsed = parseProxy(node);
  if (!parsed.ok) throw new Error(parsed.error);
  return proxySubject(engine, parsed.value);
}

/** Route configurations that proxies of the inputs request; one that does not exist has an answer too. */
const routes = ['80', '443', '8080', '9080', 'http_proxy', 'http.80', 'http.8080'];

/** Everything that a proxy may request, and what the input shows. */
function readEverything(engine: Engine, subject: Subject, shown: readonly string[]): void {
  const clusters = readAll(engine, 'cds', subject).map(({ name }) => name);
  for (const kind of ['lds', 'nds'] as const) readAll(engine, kind, subject);
  const named = shown.flatMap((line) => {
    const [kind, name] = line.split(' ') as [XdsKind, string?];
    return name === undefined || isWhole(kind) ? [] : [{ kind, name }];
  });
  for (const name of clusters) readOne(engine, resourceKey({ kind: 'eds', name }), subject);
  for (const name of routes) readOne(engine, resourceKey({ kind: 'rds', name }), subject);
  for (const asked of named) readOne(engine, resourceKey(asked), subject);
}

/** Configuration names labels, so which of them a query reads is not what the file is about. */
const general = (path: string): string => path.replace(/^(labels|registeredLabels)\..*/, '$1.*');

/** By query, the attributes of a proxy that its results depend on, over all golden inputs. */
function attributesByQuery(): string {
  const found = new Map<string, Set<string>>();
  for (const { documents } of goldenInputs(import.meta.dirname)) {
    const { engine, proxy, show } = meshOf(documents);
    readEverything(engine, proxy, show);
    for (const { query, attributes } of engine.results()) {
      const paths = found.get(query) ?? new Set();
      found.set(query, paths);
      for (const path of attributes) paths.add(general(path));
    }
  }
  const lines = [...found].map(([query, paths]) => `${query}: ${[...paths].sort().join(' ')}`.trim());
  return `${lines.sort().join('\n')}\n`;
}

const client = (ip: string, name: string, namespace = 'shop'): Node => ({
  id: `sidecar~${ip}~${name}.${namespace}~${namespace}.svc.cluster.local`,
  metadata: { NAMESPACE: namespace, LABELS: { app: name } },
});
const clients = Array.from({ length: 20 }, (_, i) => client(`10.0.0.${i + 1}`, `client-${i}`));

const plainEntries = Array.from({ length: 10 }, (_, i) =>
  serviceEntry(`s${i}`, {
    hosts: [`s${i}.test`],
    addresses: [`10.9.0.${i + 1}`],
    ports: [{ number: 9000 + i, name: 'tcp', protocol: 'TCP' }],
    resolution: 'STATIC',
    endpoints: [{ address: '10.1.0.1' }],
  }),
);

/** How many results there are of each query once all clients watch their lists of a type, and by what lists differ. */
function shared(objects: readonly Plain[], kind: 'cds' | 'lds'): { counts: Map<string, number>; lists: Signature[] } {
  const engine = new Engine(createWorldStore());
  engine.apply(changesOf([{ kind: 'MeshConfig' }, ...objects]));
  const lists = clients
    .map((node) => subjectOf(engine, node))
    .map((subject) => listsOf(kind).map((source) => new ListWatch(engine, source, subject).signature));
  const counts = new Map<string, number>();
  for (const { query } of engine.results()) counts.set(query, (counts.get(query) ?? 0) + 1);
  return { counts, lists: lists[0] ?? [] };
}

describe('what proxies share', () => {
  it('is for each query as the golden file has it: an attribute more means less sharing', async () => {
    await expect(attributesByQuery()).toMatchFileSnapshot(join(import.meta.dirname, 'sharing.golden.txt'));
  });

  it('beside a headless service of bytes: all listeners but those of its endpoints', () => {
    const headless = [
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'db', namespace: 'shop' },
        spec: { clusterIP: 'None', selector: { app: 'db' }, ports: [{ name: 'tcp', port: 5432 }] },
      },
      {
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        metadata: { name: 'db-1', namespace: 'shop', labels: { 'kubernetes.io/service-name': 'db' } },
        addressType: 'IPv4',
        ports: [{ name: 'tcp', port: 5432 }],
        endpoints: ['10.0.0.1', '10.0.0.2', '10.1.0.9'].map((address) => ({ addresses: [address] })),
      },
    ];
    const { counts, lists } = shared([...plainEntries, ...headless], 'lds');
    expect(counts.get('outbound-entries')).toBe(1);
    expect(counts.get('outbound-listeners')).toBe(1);
    // One for each service, and the virtual one apart; one of each endpoint for each client.
    expect(counts.get('outbound-listener')).toBe(plainEntries.length + 3 * clients.length);
    expect(lists.map(({ paths }) => paths.includes('ips'))).toEqual([false, false, true, true]);
  });

  it('beside a DNS service with outlier detection: all clusters but its own', () => {
    const dns = [
      serviceEntry('dns', {
        hosts: ['dns.test'],
        ports: [{ number: 443, name: 'tls', protocol: 'TLS' }],
        resolution: 'DNS',
        endpoints: [
          { address: 'one.dns.test', locality: 'r1/z1' },
          { address: 'two.dns.test', locality: 'r2/z2' },
        ],
      }),
      {
        apiVersion: 'networking.istio.io/v1beta1',
        kind: 'DestinationRule',
        metadata: { name: 'dns', namespace: 'shop' },
        spec: { host: 'dns.test', trafficPolicy: { outlierDetection: { consecutive5xxErrors: 3 } } },
      },
    ];
    const { counts, lists } = shared([...plainEntries, ...dns], 'cds');
    expect(counts.get('outbound-clusters')).toBe(1);
    // The one that depends on the place is made once for all clients there, who have no locality here.
    expect(counts.get('outbound-cluster')).toBe(plainEntries.length + 1);
    expect(counts.get('placed-cluster')).toBe(clients.length);
    expect(lists[0]?.paths.includes('locality')).toBe(false);
    expect(lists[1]?.paths.includes('locality')).toBe(true);
  });

  it('in all namespaces: endpoints, and routes of a VirtualService, of a host without DestinationRule', () => {
    const route = [{ destination: { host: 's1.test' } }];
    const objects = [
      ...Array.from({ length: 2 }, (_, i) =>
        serviceEntry(`s${i}`, {
          hosts: [`s${i}.test`],
          ports: [{ number: 80, name: 'http', protocol: 'HTTP' }],
          resolution: 'STATIC',
          endpoints: [{ address: '10.1.0.1' }],
        }),
      ),
      virtualService('s1', { hosts: ['s1.test'], http: [{ route }] }),
      destinationRule('s0', { host: 's0.test' }),
    ];
    const engine = new Engine(createWorldStore());
    engine.apply(changesOf([{ kind: 'MeshConfig' }, ...objects]));
    for (const namespace of ['shop', 'bank', 'zoo']) {
      const proxy = subjectOf(engine, client('10.0.0.1', 'client', namespace));
      for (const name of ['outbound|80||s0.test', 'outbound|80||s1.test'])
        readOne(engine, resourceKey({ kind: 'eds', name }), proxy);
      readOne(engine, resourceKey({ kind: 'rds', name: '80' }), proxy);
    }
    const results = [...engine.results()].map(({ query, key }) => `${query} ${String(key)}`);
    const countOf = (text: string): number => results.filter((result) => result.includes(text)).length;
    expect(countOf('load-assignment outbound|80||s1.test')).toBe(1);
    expect(countOf('load-assignment outbound|80||s0.test')).toBe(3);
    expect(countOf('virtual-service-routes')).toBe(1);
  });
});
