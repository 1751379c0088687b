import { setTimeout as pause } from 'node:timers/promises';
import { expect, table } from '../../attack.ts';
import { types } from '../../clients/ads.ts';
import { huge, listOf, many, ports, resource, security, taken } from './huge.ts';

/** Objects far larger, or far more, than any mesh needs. */
export const objects = table({ service: 'galley', kind: 'objects' }, [
  // ddf8edd: 5.9 s without health.
  huge(
    'a VirtualService with 10,000 routes',
    () =>
      JSON.stringify(
        resource('VirtualService', {
          hosts: ['catalog.test'],
          http: many(10_000, (i) => ({
            match: [{ uri: { exact: `/${i}` } }],
            route: [{ destination: { host: 'catalog.test' } }],
          })),
        }),
      ),
    { form: 'short' },
  ),
  huge('a VirtualService with 10,000 hosts', () =>
    JSON.stringify(
      resource('VirtualService', {
        hosts: many(10_000, (i) => `h${i}.test`),
        http: [{ route: [{ destination: { host: 'catalog.test' } }] }],
      }),
    ),
  ),
  // c13c6b8: galley ended for lack of memory.
  huge('a VirtualService that names one host 10,000 times', () =>
    JSON.stringify(
      resource('VirtualService', {
        hosts: many(10_000, () => 'h.test'),
        http: [{ route: [{ destination: { host: 'catalog.test' } }] }],
      }),
    ),
  ),
  // c13c6b8: 81 s and 2 GB of warnings.
  huge('a VirtualService with 10,000 overlapping prefixes', () =>
    JSON.stringify(
      resource('VirtualService', {
        hosts: ['catalog.test'],
        http: many(10_000, (i) => ({
          match: [{ uri: { prefix: `/${'a'.repeat(i % 200)}` } }],
          route: [{ destination: { host: 'catalog.test' } }],
        })),
      }),
    ),
  ),
  huge('a ServiceEntry with 2,000 hosts and 2,000 addresses', () =>
    JSON.stringify(
      resource('ServiceEntry', {
        hosts: many(2000, (i) => `times${i}.test`),
        addresses: many(2000, (i) => `10.3.${i >> 8}.${i & 255}`),
        ports,
        resolution: 'NONE',
      }),
    ),
  ),
  huge('a VirtualService with 10,000 destinations', () =>
    JSON.stringify(
      resource('VirtualService', {
        hosts: ['catalog.test'],
        http: [{ route: many(10_000, (i) => ({ destination: { host: `d${i}.test` }, weight: 1 })) }],
      }),
    ),
  ),
  huge('a VirtualService with 10,000 matches', () =>
    JSON.stringify(
      resource('VirtualService', {
        hosts: ['catalog.test'],
        http: [
          {
            match: many(10_000, (i) => ({ headers: { [`x-${i}`]: { exact: 'a' } } })),
            route: [{ destination: { host: 'catalog.test' } }],
          },
        ],
      }),
    ),
  ),
  huge('a DestinationRule with 5,000 subsets', () =>
    JSON.stringify(
      resource('DestinationRule', {
        host: 'catalog.test',
        subsets: many(5000, (i) => ({ name: `s${i}`, labels: { v: String(i) } })),
      }),
    ),
  ),
  huge('a ServiceEntry with 20,000 endpoints', () =>
    JSON.stringify(
      resource('ServiceEntry', {
        hosts: ['large.test'],
        ports,
        resolution: 'STATIC',
        endpoints: many(20_000, (i) => ({ address: `10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}` })),
      }),
    ),
  ),
  taken('a ServiceEntry with 5,000 ports', () => [
    resource('ServiceEntry', {
      hosts: ['ports.test'],
      ports: many(5000, (i) => ({ number: i + 1, name: `http-${i}`, protocol: 'HTTP' })),
      resolution: 'DNS',
    }),
  ]),
  huge('a ServiceEntry with 10,000 hosts', () =>
    JSON.stringify(resource('ServiceEntry', { hosts: many(10_000, (i) => `many${i}.test`), ports, resolution: 'DNS' })),
  ),
  huge(
    '3,000 ServiceEntries',
    () =>
      listOf(
        many(3000, (i) =>
          resource('ServiceEntry', { hosts: [`se${i}.test`], ports, resolution: 'DNS' }, { name: `se${i}` }),
        ),
      ),
    { form: 'short' },
  ),
  huge('3,000 VirtualServices for one host', () =>
    listOf(
      many(3000, (i) =>
        resource(
          'VirtualService',
          { hosts: ['catalog.test'], http: [{ route: [{ destination: { host: 'catalog.test' } }] }] },
          { name: `vs${i}` },
        ),
      ),
    ),
  ),
  huge('2,000 Gateways', () =>
    listOf(
      many(2000, (i) =>
        resource(
          'Gateway',
          {
            selector: { istio: 'ingressgateway' },
            servers: [{ port: { number: 8000 + i, name: 'http', protocol: 'HTTP' }, hosts: ['*'] }],
          },
          { name: `g${i}` },
        ),
      ),
    ),
  ),
  huge('a Gateway with 5,000 servers', () =>
    JSON.stringify(
      resource('Gateway', {
        selector: { istio: 'ingressgateway' },
        servers: many(5000, (i) => ({
          port: { number: 443, name: `https-${i}`, protocol: 'HTTPS' },
          tls: { mode: 'SIMPLE', credentialName: `c${i}` },
          hosts: [`s${i}.test`],
        })),
      }),
    ),
  ),
  huge('an AuthorizationPolicy with 10,000 rules', () =>
    JSON.stringify(
      resource(
        'AuthorizationPolicy',
        { rules: many(10_000, (i) => ({ to: [{ operation: { paths: [`/${i}`] } }] })) },
        security,
      ),
    ),
  ),
  huge('an AuthorizationPolicy with 10,000 addresses', () =>
    JSON.stringify(
      resource(
        'AuthorizationPolicy',
        { rules: [{ from: [{ source: { ipBlocks: many(10_000, (i) => `10.0.${(i >> 8) & 255}.${i & 255}`) } }] }] },
        security,
      ),
    ),
  ),
  huge('a Sidecar with 10,000 hosts', () =>
    JSON.stringify(
      resource('Sidecar', {
        workloadSelector: { labels: { app: 'none' } },
        egress: [{ hosts: many(10_000, (i) => `./h${i}.test`) }],
      }),
    ),
  ),
  huge('5,000 Pods', () =>
    listOf(
      many(5000, (i) => ({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: `p${i}`, namespace: 'shop', labels: { app: 'p' } },
        spec: { containers: [], nodeName: 'n' },
        status: { podIP: `10.9.${i >> 8}.${i & 255}`, phase: 'Running' },
      })),
    ),
  ),
  huge('a 1 MB label', () =>
    JSON.stringify({
      ...resource('Sidecar', {}),
      metadata: { name: 'l', namespace: 'shop', labels: { a: 'x'.repeat(1_000_000) } },
    }),
  ),
  {
    name: '2,000 ServiceEntries created and deleted',
    describe: '2,000 ServiceEntries that appear and disappear together: a sidecar has what it had before',
    run: async (mesh) => {
      mesh.write(
        'many.json',
        listOf(
          many(2000, (i) =>
            resource('ServiceEntry', { hosts: [`gone${i}.test`], ports, resolution: 'DNS' }, { name: `gone${i}` }),
          ),
        ),
      );
      await pause(1500);
      mesh.remove('many.json');
    },
  },
  {
    name: 'a resource that is also in another file',
    describe: 'a resource of the mesh again, in a later file: the first file applies',
    run: async (mesh) => {
      mesh.write(
        'zz-other.json',
        JSON.stringify(
          resource(
            'ServiceEntry',
            { hosts: ['catalog.test'], ports, resolution: 'STATIC', endpoints: [{ address: '10.66.66.66' }] },
            { name: 'catalog' },
          ),
        ),
      );
      await pause(1000);
      const stream = await mesh.stream();
      stream.send({ typeUrl: types.eds, resourceNamesSubscribe: ['outbound|80||catalog.test'] });
      const { message } = await stream.next(({ message: one }) => one.typeUrl === types.eds);
      const text =
        'removedResources' in message
          ? message.resources.map(({ resource: any }) => Buffer.from(any?.value ?? []).toString('latin1')).join()
          : '';
      expect('the endpoint of the first file', text, text.includes('10.0.0.1') && !text.includes('10.66.66.66'));
    },
  },
]);
