import { table } from '../../attack.ts';
import { huge, listOf, many, pods, ports, resource, taken } from './huge.ts';

/** Hosts by Pods, ports by endpoints, subsets by endpoints: what proxies get of services is a product. */
export const endpointProducts = table({ service: 'galley', kind: 'products' }, [
  taken('a ServiceEntry with 1,000 hosts that selects 2,000 Pods', () => [
    ...pods(2000, { app: 'selected' }),
    resource('ServiceEntry', {
      hosts: many(1000, (i) => `w${i}.test`),
      ports,
      location: 'MESH_INTERNAL',
      resolution: 'STATIC',
      workloadSelector: { labels: { app: 'selected' } },
    }),
  ]),
  taken('500 ServiceEntries that select 500 Pods each', () => [
    ...pods(500, { app: 'selected' }),
    ...many(500, (i) =>
      resource(
        'ServiceEntry',
        {
          hosts: [`w${i}.test`],
          ports,
          location: 'MESH_INTERNAL',
          resolution: 'STATIC',
          workloadSelector: { labels: { app: 'selected' } },
        },
        { name: `w${i}` },
      ),
    ),
  ]),
  huge('3,000 ServiceEntries for one host', () =>
    listOf(
      many(3000, (i) =>
        resource(
          'ServiceEntry',
          { hosts: ['same.test'], ports, resolution: 'STATIC', endpoints: [{ address: `10.7.${i >> 8}.${i & 255}` }] },
          { name: `same${i}` },
        ),
      ),
    ),
  ),
  taken('a Service with 5,000 ports and 100 EndpointSlices', () => [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'wide', namespace: 'shop' },
      spec: {
        clusterIP: '10.96.7.7',
        selector: { app: 'wide' },
        ports: many(5000, (i) => ({ name: `http-${i}`, port: i + 1, targetPort: i + 1 })),
      },
    },
    ...many(100, (i) => ({
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      addressType: 'IPv4',
      metadata: { name: `wide-${i}`, namespace: 'shop', labels: { 'kubernetes.io/service-name': 'wide' } },
      ports: many(100, (j) => ({ name: `http-${j}`, port: j + 1, protocol: 'TCP' })),
      endpoints: many(100, (j) => ({ addresses: [`10.6.${i}.${j}`], conditions: { ready: true } })),
    })),
  ]),
  huge('an EndpointSlice with 50,000 endpoints', () =>
    listOf([
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'many', namespace: 'shop' },
        spec: { clusterIP: '10.96.7.8', ports: [{ name: 'http', port: 80 }] },
      },
      {
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        addressType: 'IPv4',
        metadata: { name: 'many-1', namespace: 'shop', labels: { 'kubernetes.io/service-name': 'many' } },
        ports: [{ name: 'http', port: 80, protocol: 'TCP' }],
        endpoints: many(50_000, (i) => ({
          addresses: [`10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`],
          conditions: { ready: true },
        })),
      },
    ]),
  ),
  taken('2,000 subsets of a host with 2,000 endpoints', () => [
    resource('ServiceEntry', {
      hosts: ['subsets.test'],
      ports,
      resolution: 'STATIC',
      endpoints: many(2000, (i) => ({ address: `10.4.${i >> 8}.${i & 255}`, labels: { v: String(i % 4) } })),
    }),
    resource('DestinationRule', {
      host: 'subsets.test',
      subsets: many(2000, (i) => ({ name: `s${i}`, labels: { v: String(i % 4) } })),
    }),
  ]),
  taken('a ServiceEntry with 1,000 ports and 100 endpoints', () => [
    resource('ServiceEntry', {
      hosts: ['wide.test'],
      ports: many(1000, (i) => ({ number: i + 1, name: `http-${i}`, protocol: 'HTTP' })),
      resolution: 'STATIC',
      endpoints: many(100, (i) => ({ address: `10.4.${i >> 8}.${i & 255}` })),
    }),
  ]),
  taken('a ServiceEntry with 140 hosts, 140 addresses and ten ports', () => [
    resource('ServiceEntry', {
      hosts: many(140, (i) => `times${i}.test`),
      addresses: many(140, (i) => `10.3.${i >> 8}.${i & 255}`),
      ports: many(10, (i) => ({ number: 9000 + i, name: `tcp-${i}`, protocol: 'TCP' })),
      resolution: 'STATIC',
      endpoints: many(10, (i) => ({ address: `10.4.0.${i}` })),
    }),
  ]),
  huge('exportTo with 10,000 namespaces', () =>
    JSON.stringify(
      resource('ServiceEntry', {
        hosts: many(500, (i) => `e${i}.test`),
        ports,
        resolution: 'DNS',
        exportTo: many(10_000, (i) => `n${i}`),
      }),
    ),
  ),
  huge('5,000 WorkloadEntries and 1,000 WorkloadGroups', () =>
    listOf([
      ...many(5000, (i) =>
        resource(
          'WorkloadEntry',
          { address: `10.5.${i >> 8}.${i & 255}`, labels: { app: 'vm' }, serviceAccount: 'vm' },
          { name: `w${i}` },
        ),
      ),
      ...many(1000, (i) =>
        resource(
          'WorkloadGroup',
          { metadata: { labels: { app: 'vm' } }, template: { serviceAccount: 'vm' } },
          { name: `g${i}` },
        ),
      ),
    ]),
  ),
]);
