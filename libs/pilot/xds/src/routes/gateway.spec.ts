import { describe, expect, it } from 'vitest';
import { keyOf } from '@flotilla/model';
import { createWorldStore, parseProxy, worldChanges } from '@flotilla/pilot-world';
import { toJson } from '@flotilla/proto-gen/json';
import { Engine, Subject } from '@flotilla/query';
import { resourceOf } from '@flotilla/testing';
import { typeUrls } from '../finish/kinds.ts';
import { gatewayRouteConfiguration } from './gateway.ts';

type Named = { readonly name: string; readonly namespace?: string };
const object = (kind: string, { name, namespace = 'ns' }: Named, spec: unknown): unknown => ({
  apiVersion: 'networking.istio.io/v1beta1',
  kind,
  metadata: { name, namespace },
  spec,
});
const gateway = (name: string, ...servers: unknown[]): unknown => object('Gateway', { name }, { servers });
const http = (number: number, ...hosts: string[]): unknown => ({
  port: { number, name: `http-${number}`, protocol: 'HTTP' },
  hosts,
});
const virtualService = (named: Named, hosts: string[], gateways: string[]): unknown =>
  object('VirtualService', named, {
    hosts,
    gateways,
    http: [
      {
        match: [{ port: 80, uri: { prefix: '/p' } }],
        route: [{ destination: { host: 'a.test' } }],
        name: `${named.name}-80`,
      },
      { route: [{ destination: { host: 'a.test' } }], name: named.name },
    ],
  });

/**
 * Virtual hosts of a gateway's route configuration: `name domains routes`, an exclamation mark where clients must use
 * TLS.
 */
function hostsOf(name: string, ...objects: unknown[]): string[] {
  const engine = new Engine(createWorldStore());
  for (const resource of objects.map(resourceOf))
    engine.apply(worldChanges(resource.collection, keyOf(resource.meta), resource));
  const proxy = parseProxy({ id: 'router~10.0.0.1~gw.ns~ns.svc.cluster.local' });
  const found = proxy.ok ? engine.read(gatewayRouteConfiguration, name, new Subject({ ...proxy.value })) : undefined;
  const { virtualHosts } = toJson(typeUrls.rds, found?.bytes ?? new Uint8Array()) as unknown as {
    virtualHosts: { name: string; domains: string[]; requireTls?: string; routes?: { name: string }[] }[];
  };
  return virtualHosts.map(
    (host) =>
      `${host.requireTls ? '!' : ''}${host.name} ${host.domains.join()} ${(host.routes ?? []).map((route) => route.name).join()}`,
  );
}

describe("a gateway's route configuration", () => {
  it('has one virtual host for everything that a VirtualService says through one Gateway, named after the most specific host', () => {
    const service = virtualService({ name: 'v' }, ['one.test', 'three.test'], ['g']);
    expect(hostsOf('http.80', gateway('g', http(80, 'one.test'), http(80, 'three.test')), service)).toEqual([
      'three.test:80 three.test,one.test v-80,v',
    ]);
  });

  it('keeps apart what comes through different Gateways', () => {
    expect(
      hostsOf(
        'http.80',
        gateway('g', http(80, 'one.test')),
        gateway('h', http(80, 'two.test')),
        virtualService({ name: 'v' }, ['one.test', 'two.test'], ['g', 'h']),
      ),
    ).toEqual(['one.test:80 one.test v-80,v', 'two.test:80 two.test v-80,v']);
  });

  it('shows each host to the namespaces that the server names', () => {
    const services = [
      virtualService({ name: 'v' }, ['*'], ['g']),
      virtualService({ name: 'w', namespace: 'other' }, ['*'], ['ns/g']),
    ];
    expect(
      hostsOf('http.80', gateway('g', http(80, './one.test', 'other/two.test', '*/three.test')), ...services),
    ).toEqual(['one.test:80 one.test v-80,v', 'three.test:80 three.test v-80,w-80,v,w', 'two.test:80 two.test w-80,w']);
  });

  it('has each host as it is written first, whatever the case of others', () => {
    expect(
      hostsOf(
        'http.80',
        gateway('g', http(80, '*')),
        virtualService({ name: 'v' }, ['One.test'], ['g']),
        virtualService({ name: 'w' }, ['one.test'], ['g']),
      ),
    ).toEqual(['One.test:80 One.test v-80,w-80,v,w']);
  });

  it('redirects hosts that nobody serves too', () => {
    const redirecting = { ...(http(80, 'one.test', 'two.test') as object), tls: { httpsRedirect: true } };
    expect(hostsOf('http.80', gateway('g', redirecting), virtualService({ name: 'v' }, ['one.test'], ['g']))).toEqual([
      '!one.test:80 one.test v-80,v',
      '!two.test:80 two.test ',
    ]);
  });

  it('answers everything with 404 when nothing is bound', () => {
    expect(hostsOf('http.80', gateway('g', http(80, '*')))).toEqual(['blackhole:80 * ']);
  });
});
