import { countWork } from '@flotilla/testing';
import { describe, expect, it } from 'vitest';
import { ask, destinationRule, object, service, serviceEntry, sidecar, virtualService } from './mesh.fixture.ts';

type Plain = Readonly<Record<string, unknown>>;
const list = <T>(n: number, make: (i: number) => T): T[] => Array.from({ length: n }, (_, i) => make(i));
const address = (i: number): string => `10.${1 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}`;
const ports = [{ number: 80, name: 'http', protocol: 'HTTP' }];
const route = [{ destination: { host: 'web.test' } }];
const web = serviceEntry('web', {
  hosts: ['web.test'],
  ports,
  resolution: 'STATIC',
  endpoints: [{ address: '10.9.0.1' }],
});
const rule = (spec: Plain): Plain => object('security.istio.io/v1beta1 AuthorizationPolicy', 'x', { spec });

const pod = (i: number): Plain =>
  object('v1 Pod', `p${i}`, {
    metadata: { labels: { app: 'many' } },
    spec: { containers: [] },
    status: { podIP: address(i), phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
  });

/** Objects of which one has n of something, by what that is. */
const meshes: Readonly<Record<string, (n: number) => Plain[]>> = {
  'routes of a VirtualService': (n) => [
    web,
    virtualService('x', {
      hosts: ['web.test'],
      http: list(n, (i) => ({ match: [{ uri: { prefix: `/p${i}/` } }], route })),
    }),
  ],
  'matches of one route': (n) => [
    web,
    virtualService('x', {
      hosts: ['web.test'],
      http: [{ match: list(n, (i) => ({ uri: { prefix: `/p${i}/` } })), route }],
    }),
  ],
  'destinations of one route': (n) => [
    web,
    virtualService('x', {
      hosts: ['web.test'],
      http: [{ route: list(n, (i) => ({ destination: { host: `h${i}.test` }, weight: 1 })) }],
    }),
  ],
  'hosts of a VirtualService': (n) => [
    web,
    virtualService('x', { hosts: list(n, (i) => `h${i}.test`), http: [{ route }] }),
  ],
  'wildcards of a VirtualService': (n) => [
    web,
    virtualService('x', { hosts: list(n, (i) => `*.h${i}.test`), http: [{ route }] }),
  ],
  'TLS routes': (n) => [
    serviceEntry('web', {
      hosts: ['web.test'],
      ports: [{ number: 443, name: 'tls', protocol: 'TLS' }],
      resolution: 'DNS',
    }),
    virtualService('x', { hosts: ['*.test'], tls: list(n, (i) => ({ match: [{ sniHosts: [`h${i}.test`] }], route })) }),
  ],
  'TCP routes': (n) => [
    serviceEntry('web', {
      hosts: ['web.test'],
      ports: [{ number: 90, name: 'tcp', protocol: 'TCP' }],
      resolution: 'DNS',
    }),
    virtualService('x', {
      hosts: ['web.test'],
      tcp: list(n, (i) => ({ match: [{ port: 90, destinationSubnets: [`${address(i)}/32`] }], route })),
    }),
  ],
  'hosts of a Sidecar, and services': (n) => [
    sidecar('x', { egress: [{ hosts: list(n, (i) => `*/h${i}.test`) }] }),
    ...list(n, (i) => serviceEntry(`x${i}`, { hosts: [`h${i}.test`], ports, resolution: 'DNS' })),
  ],
  'DestinationRules of one host, each for other workloads': (n) => [
    web,
    ...list(n, (i) => {
      const workloadSelector = { matchLabels: { app: `a${i}` } };
      return destinationRule(`x${i}`, { host: 'web.test', workloadSelector, subsets: [{ name: `s${i}` }] });
    }),
  ],
  'DestinationRules of one host': (n) => [
    web,
    ...list(n, (i) => destinationRule(`x${i}`, { host: 'web.test', subsets: [{ name: `s${i}` }] })),
  ],
  subsets: (n) => [
    web,
    destinationRule('x', {
      host: 'web.test',
      subsets: list(n, (i) => ({ name: `s${i}`, labels: { version: `v${i}` } })),
    }),
  ],
  'settings of ports': (n) => [
    web,
    destinationRule('x', {
      host: 'web.test',
      trafficPolicy: { portLevelSettings: list(n, (i) => ({ port: { number: i + 1 }, tls: { mode: 'DISABLE' } })) },
    }),
  ],
  'hosts of a ServiceEntry': (n) => [
    serviceEntry('x', { hosts: list(n, (i) => `h${i}.test`), ports, resolution: 'DNS' }),
  ],
  'addresses of a ServiceEntry': (n) => [
    serviceEntry('x', {
      hosts: ['a.test'],
      addresses: list(n, address),
      ports,
      resolution: 'STATIC',
      endpoints: [{ address: '10.9.0.1' }],
    }),
  ],
  'ports of a ServiceEntry': (n) => [
    serviceEntry('x', {
      hosts: ['a.test'],
      ports: list(n, (i) => ({ number: i + 1, name: `p${i}`, protocol: 'HTTP' })),
      resolution: 'DNS',
    }),
  ],
  'endpoints of a ServiceEntry': (n) => [
    serviceEntry('x', {
      hosts: ['a.test'],
      ports,
      resolution: 'STATIC',
      endpoints: list(n, (i) => ({ address: address(i) })),
    }),
  ],
  'ports of a Service': (n) => [
    service('x', { clusterIP: '10.8.0.1', ports: list(n, (i) => ({ port: i + 1, name: `http-${i}` })) }),
  ],
  'hosts that select as many Pods': (n) => [
    serviceEntry('x', {
      hosts: list(n, (i) => `h${i}.test`),
      ports,
      location: 'MESH_INTERNAL',
      resolution: 'STATIC',
      workloadSelector: { labels: { app: 'many' } },
    }),
    ...list(n, pod),
  ],
  'ports that as many endpoints have': (n) => [
    service('x', { clusterIP: '10.8.0.1', ports: list(n, (i) => ({ port: i + 1, name: `http-${i}` })) }),
    object('discovery.k8s.io/v1 EndpointSlice', 'x', {
      metadata: { labels: { 'kubernetes.io/service-name': 'x' } },
      addressType: 'IPv4',
      ports: list(n, (i) => ({ port: i + 1, name: `http-${i}`, protocol: 'TCP' })),
      endpoints: list(n, (i) => ({ addresses: [address(i)], conditions: { ready: true } })),
    }),
  ],
  'sources, with as many conditions': (n) => [
    service('web', { clusterIP: '10.8.0.1', selector: { app: 'client' }, ports: [{ port: 80, name: 'http' }] }),
    rule({
      rules: [
        {
          from: list(n, (i) => ({ source: { principals: [`p${i}`] } })),
          when: list(n, (i) => ({ key: `request.headers[x-${i}]`, values: list(60, String) })),
        },
      ],
    }),
  ],
  'egress listeners': (n) => [
    web,
    sidecar('x', {
      egress: list(n, (i) => ({ port: { number: i + 1, name: `p${i}`, protocol: 'HTTP' }, hosts: ['./web.test'] })),
    }),
  ],
  'egress hosts': (n) => [
    web,
    sidecar('x', { egress: [{ hosts: ['./web.test', ...list(n, (i) => `./h${i}.test`)] }] }),
  ],
  'ingress listeners': (n) => [
    web,
    sidecar('x', {
      ingress: list(n, (i) => ({
        port: { number: i + 1, name: `p${i}`, protocol: 'HTTP' },
        defaultEndpoint: `127.0.0.1:${i + 1}`,
      })),
      egress: [{ hosts: ['./*'] }],
    }),
  ],
  'rules of an AuthorizationPolicy': (n) => [
    service('web', { clusterIP: '10.8.0.1', selector: { app: 'client' }, ports: [{ port: 80, name: 'http' }] }),
    rule({ rules: list(n, (i) => ({ to: [{ operation: { paths: [`/p${i}`] } }] })) }),
  ],
};

/** Everything that a sidecar is sent of such a mesh, worked out once. */
function answers(objects: readonly Plain[]): void {
  const { names, one } = ask(objects, { labels: { app: 'client' } });
  names('lds');
  for (const name of names('cds').slice(0, 5)) one('eds', name);
  for (const name of ['80', '90', '443']) one('rds', name);
}

describe('work is proportional to the objects', () => {
  it.each(Object.entries(meshes))('%s', async (_, make) => {
    answers(make(5));
    const work = await countWork(() => answers(make(200)));
    const four = await countWork(() => answers(make(800)));
    expect(four / work).toBeLessThan(5.5);
  });
});
