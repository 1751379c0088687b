import { parseResource } from '@flotilla/model';
import { countWork } from '@flotilla/testing';
import { describe, expect, it } from 'vitest';
import { validate } from './index.ts';

type Make = (n: number) => readonly [kind: string, spec: unknown];
const list = <T>(n: number, make: (i: number) => T): T[] => Array.from({ length: n }, (_, i) => make(i));
const map = <T>(n: number, make: (i: number) => readonly [string, T]): Record<string, T> =>
  Object.fromEntries(list(n, make));
const address = (i: number): string => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`;
const route = [{ destination: { host: 'web' } }];
const http = [{ route }];
const ports = [{ number: 80, name: 'http', protocol: 'HTTP' }];
const prefix = (value: string, more: object = {}): object => ({ match: [{ uri: { prefix: value }, ...more }], route });

/** One object with n of something, by what that is. */
const objects: Readonly<Record<string, Make>> = {
  'routes with prefixes of their own': (n) => [
    'VirtualService',
    { hosts: ['a.test'], http: list(n, (i) => prefix(`/p${i}/`)) },
  ],
  'routes with the same prefix': (n) => [
    'VirtualService',
    { hosts: ['a.test'], http: list(n, (i) => prefix('/p', { port: i % 60_000 })) },
  ],
  'routes below one prefix': (n) => [
    'VirtualService',
    { hosts: ['a.test'], http: [prefix('/'), ...list(n, (i) => prefix(`/${i}`))] },
  ],
  'equal routes': (n) => ['VirtualService', { hosts: ['a.test'], http: list(n, () => prefix('/p')) }],
  'matches of one route': (n) => [
    'VirtualService',
    { hosts: ['a.test'], http: [{ match: list(n, (i) => ({ uri: { prefix: `/p${i}/` } })), route }] },
  ],
  'headers of one match': (n) => [
    'VirtualService',
    { hosts: ['a.test'], http: [{ match: [{ headers: map(n, (i) => [`x-${i}`, { exact: 'a' }]) }], route }] },
  ],
  'destinations of one route': (n) => [
    'VirtualService',
    { hosts: ['a.test'], http: [{ route: list(n, (i) => ({ destination: { host: `h${i}` }, weight: 1 })) }] },
  ],
  'hosts of a VirtualService': (n) => ['VirtualService', { hosts: list(n, (i) => `h${i}.test`), http }],
  'equal hosts of a VirtualService': (n) => ['VirtualService', { hosts: list(n, () => 'h.test'), http }],
  'wildcards of a VirtualService': (n) => ['VirtualService', { hosts: list(n, (i) => `*.h${i}.test`), http }],
  'server names': (n) => [
    'VirtualService',
    { hosts: list(n, (i) => `h${i}.test`), tls: list(n, (i) => ({ match: [{ sniHosts: [`h${i}.test`] }], route })) },
  ],
  'server names of other hosts': (n) => [
    'VirtualService',
    { hosts: list(n, (i) => `h${i}.test`), tls: list(n, (i) => ({ match: [{ sniHosts: [`x${i}.test`] }], route })) },
  ],
  'TCP routes': (n) => [
    'VirtualService',
    {
      hosts: ['a.test'],
      tcp: list(n, (i) => ({ match: [{ port: 1 + (i % 60_000), destinationSubnets: [`${address(i)}/32`] }], route })),
    },
  ],
  'gateways and claims': (n) => [
    'VirtualService',
    {
      hosts: ['a.test'],
      gateways: ['mesh', ...list(n, (i) => `n/g${i}`)],
      http: list(n, () => ({ match: [{ headers: { '@request.auth.claims.a': { exact: 'x' } } }], route })),
    },
  ],
  'namespaces that see it': (n) => ['VirtualService', { hosts: ['a.test'], exportTo: list(n, (i) => `n${i}`), http }],
  subsets: (n) => [
    'DestinationRule',
    { host: 'web', subsets: list(n, (i) => ({ name: `s${i}`, labels: { version: `v${i}` } })) },
  ],
  'settings of ports': (n) => [
    'DestinationRule',
    {
      host: 'web',
      trafficPolicy: {
        portLevelSettings: list(n, (i) => ({ port: { number: 1 + (i % 60_000) }, tls: { mode: 'DISABLE' } })),
      },
    },
  ],
  localities: (n) => [
    'DestinationRule',
    {
      host: 'web',
      trafficPolicy: {
        loadBalancer: {
          localityLbSetting: { distribute: list(n, (i) => ({ from: `r${i}/z/s`, to: { [`r${i}/*`]: 100 } })) },
        },
      },
    },
  ],
  'hosts of a ServiceEntry': (n) => ['ServiceEntry', { hosts: list(n, (i) => `h${i}.test`), ports, resolution: 'DNS' }],
  'addresses of a ServiceEntry': (n) => [
    'ServiceEntry',
    { hosts: ['a.test'], addresses: list(n, address), ports, resolution: 'STATIC' },
  ],
  'ports of a ServiceEntry': (n) => [
    'ServiceEntry',
    {
      hosts: ['a.test'],
      ports: list(n, (i) => ({ number: i + 1, name: `p${i}`, protocol: 'HTTP' })),
      resolution: 'DNS',
    },
  ],
  'endpoints of a ServiceEntry': (n) => [
    'ServiceEntry',
    { hosts: ['a.test'], ports, endpoints: list(n, (i) => ({ address: address(i) })), resolution: 'STATIC' },
  ],
  'labels of a WorkloadEntry': (n) => ['WorkloadEntry', { address: '10.0.0.1', labels: map(n, (i) => [`l${i}`, 'x']) }],
  'servers of a Gateway': (n) => [
    'Gateway',
    { servers: list(n, (i) => ({ port: { number: 80, name: `p${i}`, protocol: 'HTTP' }, hosts: [`h${i}.test`] })) },
  ],
  'hosts of one server': (n) => ['Gateway', { servers: [{ port: ports[0], hosts: list(n, (i) => `n/h${i}.test`) }] }],
  'cipher suites': (n) => [
    'Gateway',
    {
      servers: [
        {
          port: { number: 443, name: 'tls', protocol: 'HTTPS' },
          hosts: ['*'],
          tls: { mode: 'SIMPLE', credentialName: 'x', cipherSuites: list(n, (i) => `-x${i}`) },
        },
      ],
    },
  ],
  'egress listeners': (n) => [
    'Sidecar',
    { egress: list(n, (i) => ({ port: { number: i + 1, name: `p${i}`, protocol: 'HTTP' }, hosts: [`./h${i}.test`] })) },
  ],
  'egress hosts': (n) => ['Sidecar', { egress: [{ hosts: list(n, (i) => `./h${i}.test`) }] }],
  'ingress listeners': (n) => [
    'Sidecar',
    {
      ingress: list(n, (i) => ({
        port: { number: i + 1, name: `p${i}`, protocol: 'HTTP' },
        defaultEndpoint: '127.0.0.1:80',
      })),
    },
  ],
  'rules of an AuthorizationPolicy': (n) => [
    'AuthorizationPolicy',
    {
      rules: list(n, (i) => ({
        from: [{ source: { ipBlocks: [address(i)] } }],
        to: [{ operation: { paths: [`/p${i}`] } }],
      })),
    },
  ],
  'wrong values of a condition': (n) => [
    'AuthorizationPolicy',
    { rules: [{ when: [{ key: 'source.ip', values: list(n, (i) => `x${i}`) }] }] },
  ],
  'JWT rules': (n) => [
    'RequestAuthentication',
    { jwtRules: list(n, (i) => ({ issuer: `i${i}`, jwksUri: 'https://a.test' })) },
  ],
  'ports of a PeerAuthentication': (n) => [
    'PeerAuthentication',
    { selector: { matchLabels: { a: 'b' } }, portLevelMtls: map(n, (i) => [String(i + 1), { mode: 'STRICT' }]) },
  ],
  'tags of a Telemetry': (n) => [
    'Telemetry',
    { tracing: [{ customTags: map(n, (i) => [`t${i}`, { literal: { value: 'x' } }]) }] },
  ],
  'patches of an EnvoyFilter': (n) => [
    'EnvoyFilter',
    {
      configPatches: list(n, (i) => ({
        applyTo: 'CLUSTER',
        match: { cluster: { name: `c${i}` } },
        patch: { operation: 'MERGE', value: { a: i } },
      })),
    },
  ],
  'variables of a WasmPlugin': (n) => [
    'WasmPlugin',
    { url: 'oci://a.test/x', vmConfig: { env: list(n, (i) => ({ name: `n${i}`, value: 'x' })) } },
  ],
};

const groups: Readonly<Record<string, string>> = {
  AuthorizationPolicy: 'security.istio.io/v1beta1',
  RequestAuthentication: 'security.istio.io/v1beta1',
  PeerAuthentication: 'security.istio.io/v1beta1',
  Telemetry: 'telemetry.istio.io/v1alpha1',
  WasmPlugin: 'extensions.istio.io/v1alpha1',
  EnvoyFilter: 'networking.istio.io/v1alpha3',
};

/** Reads and checks such an object, as galley does; returns how long its problems are together. */
function check(make: Make, n: number): number {
  const [kind, spec] = make(n);
  const parsed = parseResource({
    apiVersion: groups[kind] ?? 'networking.istio.io/v1beta1',
    kind,
    metadata: { name: 'x', namespace: 'shop' },
    spec,
  });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error[0]));
  const { resource } = parsed.value;
  return validate(resource).reduce((sum, { message }) => sum + message.length, 0);
}

describe('work and problems are proportional to the object', () => {
  it.each(Object.entries(objects))('%s', async (_, make) => {
    check(make, 10);
    let [text, more] = [0, 0];
    const work = await countWork(() => {
      text = check(make, 500);
    });
    const four = await countWork(() => {
      more = check(make, 2000);
    });
    // 16 times as much where every one is compared with every other.
    expect(four / work).toBeLessThan(6);
    expect(more).toBeLessThan(6 * text + 1000);
  });
});

it('a ServiceEntry makes no more services and endpoints than its size tells', () => {
  const messages = (spec: unknown): string[] => {
    const parsed = parseResource({
      apiVersion: 'networking.istio.io/v1beta1',
      kind: 'ServiceEntry',
      metadata: { name: 'x', namespace: 'shop' },
      spec,
    });
    return parsed.ok
      ? validate(parsed.value.resource)
          .filter(({ level }) => level === 'error')
          .map(({ message }) => message)
      : ['refused'];
  };
  const hosts = (n: number): string[] => list(n, (i) => `h${i}.test`);
  expect(messages({ hosts: hosts(100), addresses: list(200, address), ports })).toEqual([]);
  expect(messages({ hosts: hosts(101), addresses: list(200, address), ports })).toEqual([
    'hosts and addresses make 20200 services; at most 20000 are allowed: split the service entry',
  ]);
  const many = list(101, (i) => ({ number: i + 1, name: `p${i}`, protocol: 'HTTP' }));
  expect(
    messages({
      hosts: ['a.test'],
      ports: many,
      endpoints: list(1000, (i) => ({ address: address(i) })),
      resolution: 'STATIC',
    }),
  ).toEqual(['endpoints and ports make 101000 endpoints; at most 100000 are allowed: split the service entry']);
});
