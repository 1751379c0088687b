import { describe, expect, it } from 'vitest';
import { ask, destinationRule, service, serviceEntry, sidecar, virtualService } from '../mesh.fixture.ts';

const db = service('db', { clusterIP: '10.8.0.1', ports: [{ name: 'tcp', port: 5432 }] });
const host = 'db.shop.svc.cluster.local';
const entry = (name: string, spec: object): ReturnType<typeof serviceEntry> =>
  serviceEntry(name, { hosts: [`${name}.test`], resolution: 'STATIC', endpoints: [{ address: '192.0.2.1' }], ...spec });
const egress = (...listeners: object[]): ReturnType<typeof sidecar> => sidecar('default', { egress: listeners });

type Chain = { filterChainMatch?: unknown; filters: { name: string; typedConfig: Record<string, unknown> }[] };
const proxyOf = ({ filters }: Chain): Record<string, unknown> =>
  filters.find(({ name }) => name === 'envoy.filters.network.tcp_proxy')?.typedConfig ?? {};

describe("a Sidecar's egress listener with a port", () => {
  it('of bytes listens where its services are, unless it says where', () => {
    const names = (listener: object): string[] =>
      ask([db, egress({ port: { number: 5432, name: 'tcp', protocol: 'TCP' }, hosts: ['./*'], ...listener })]).names(
        'lds',
      );
    expect(names({})).toContain('10.8.0.1_5432');
    expect(names({ bind: '0.0.0.0' })).toContain('0.0.0.0_5432');
    expect(names({ captureMode: 'NONE' })).toContain('127.0.0.1_5432');
  });

  it('matches no range of addresses when it says where it listens', () => {
    const range = entry('range', {
      addresses: ['10.9.0.0/16'],
      ports: [
        { number: 9000, name: 'tcp', protocol: 'TCP' },
        { number: 443, name: 'tls', protocol: 'TLS' },
      ],
    });
    const listener = (port: object, more: object, name: string): { filterChains: Chain[] } =>
      ask([range, egress({ port, hosts: ['./*'], ...more })]).named('lds', name);
    const bytes = { number: 9000, name: 'tcp', protocol: 'TCP' };
    expect(listener(bytes, {}, '0.0.0.0_9000').filterChains[0]?.filterChainMatch).toEqual({
      prefixRanges: [{ addressPrefix: '10.9.0.0', prefixLen: 16 }],
    });
    expect(listener(bytes, { bind: '127.0.0.2' }, '127.0.0.2_9000').filterChains[0]?.filterChainMatch).toBeUndefined();
    expect(
      listener({ number: 443, name: 'tls', protocol: 'TLS' }, { bind: '127.0.0.2' }, '127.0.0.2_443').filterChains[0]
        ?.filterChainMatch,
    ).toEqual({ serverNames: ['range.test'] });
  });
});

describe('chains of bytes', () => {
  const tls = entry('web', { ports: [{ number: 443, name: 'tls', protocol: 'TLS' }], addresses: ['10.9.0.1'] });
  const to = [{ destination: { host: 'web.test' } }];

  it('match server names in order, and none for `*`; a range of all addresses asks for nothing', () => {
    const chains = (...tlsRoutes: object[]): Chain[] =>
      ask([tls, virtualService('web', { hosts: ['web.test'], tls: tlsRoutes })]).named('lds', '10.9.0.1_443')
        .filterChains;
    expect(chains({ match: [{ sniHosts: ['z.web.test', 'a.web.test'] }], route: to })[0]?.filterChainMatch).toEqual({
      serverNames: ['a.web.test', 'z.web.test'],
    });
    expect(chains({ match: [{ sniHosts: ['*'] }], route: to })[0]?.filterChainMatch).toBeUndefined();
    expect(
      chains({ match: [{ sniHosts: ['web.test'], destinationSubnets: ['0.0.0.0/0'] }], route: to })[0]
        ?.filterChainMatch,
    ).toEqual({ serverNames: ['web.test'] });
  });

  it("are counted by the mesh's pattern, where only a route's port has a name", () => {
    const mesh = { outboundClusterStatName: '%SERVICE%|%SERVICE_PORT%|%SERVICE_PORT_NAME%' };
    const prefix = (...more: object[]): unknown =>
      proxyOf(
        ask([db, ...more] as Parameters<typeof ask>[0], { mesh }).named('lds', '10.8.0.1_5432')
          .filterChains[0] as Chain,
      )['statPrefix'];
    expect(prefix()).toBe('db.shop|5432|');
    expect(prefix(virtualService('db', { hosts: [host], tcp: [{ route: [{ destination: { host } }] }] }))).toBe(
      'db.shop|5432|tcp',
    );
  });

  it('to a Service without address listen at 0.0.0.0, for a proxy of IPv6 too', () => {
    const external = service('ext', {
      type: 'ExternalName',
      externalName: 'api.test',
      ports: [
        { name: 'tcp', port: 9000 },
        { name: 'http', port: 80 },
      ],
    });
    expect(ask([external], { ip: 'fd00::9' }).names('lds')).toEqual(expect.arrayContaining(['0.0.0.0_9000', '::_80']));
  });

  it("of a VirtualService on a service's own range take the place of the service's", () => {
    const range = entry('range', {
      addresses: ['10.9.0.0/16'],
      ports: [{ number: 9000, name: 'tcp', protocol: 'TCP' }],
    });
    const routed = virtualService('range', {
      hosts: ['range.test'],
      tcp: [{ match: [{ destinationSubnets: ['10.9.0.0/16'] }], route: [{ destination: { host } }] }],
    });
    const { filterChains } = ask([range, db, routed]).named('lds', '0.0.0.0_9000') as { filterChains: Chain[] };
    expect(filterChains.map(proxyOf)).toMatchObject([{ cluster: `outbound|5432||${host}` }]);
  });

  const subset = (trafficPolicy: object): object => ({ name: 'v1', labels: { version: 'v1' }, trafficPolicy });
  const chain = (rule: object, route?: object[]): Record<string, unknown> =>
    proxyOf(
      ask([
        db,
        destinationRule('db', { host, ...rule }),
        ...(route ? [virtualService('db', { hosts: [host], tcp: [{ route }] })] : []),
      ]).named('lds', '10.8.0.1_5432').filterChains[0] as Chain,
    );

  it("go through the tunnel of a rule; a subset has its own alone, several destinations the rule's", () => {
    const tunnel = (targetHost: string): object => ({ tunnel: { protocol: 'POST', targetHost, targetPort: 443 } });
    const config = (targetHost: string): object => ({ hostname: `${targetHost}:443`, usePost: true });
    expect(chain({ trafficPolicy: tunnel('a.test') })['tunnelingConfig']).toEqual(config('a.test'));
    const rule = { trafficPolicy: tunnel('a.test'), subsets: [subset(tunnel('b.test')), { name: 'v2' }] };
    const v = (name: string, weight?: number): object => ({
      destination: { host, subset: name },
      ...(weight ? { weight } : {}),
    });
    expect(chain(rule, [v('v1')])['tunnelingConfig']).toEqual(config('b.test'));
    expect(chain(rule, [v('v2')])['tunnelingConfig']).toBeUndefined();
    expect(chain(rule, [v('v1', 50), v('v2', 50)])['tunnelingConfig']).toEqual(config('a.test'));
  });

  it("are hashed by the client's address as rule or subset say; a port's words don't count", () => {
    const bySource = { loadBalancer: { consistentHash: { useSourceIp: true } } };
    const v1 = [{ destination: { host, subset: 'v1' } }];
    expect(chain({ trafficPolicy: bySource })['hashPolicy']).toEqual([{ sourceIp: {} }]);
    expect(
      chain({ trafficPolicy: { portLevelSettings: [{ port: { number: 5432 }, ...bySource }] } })['hashPolicy'],
    ).toBeUndefined();
    expect(
      chain({ trafficPolicy: bySource, subsets: [subset({ loadBalancer: { simple: 'RANDOM' } })] }, v1)['hashPolicy'],
    ).toBeUndefined();
    expect(chain({ subsets: [subset(bySource)] }, v1)['hashPolicy']).toEqual([{ sourceIp: {} }]);
  });
});
