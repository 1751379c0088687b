import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Protocol } from '@flotilla/rules';
import { contribute, isEffective, type Contribution, type OutboundEntry } from './outbound-entry.ts';

const service = (hostname: string, protocol: Protocol, fields: Partial<Contribution> = {}): Contribution => ({
  key: { bind: '10.0.0.1', port: 80 },
  service: { hostname },
  servicePort: { name: 'p', port: 80, protocol },
  wildcard: false,
  bindToPort: false,
  locked: false,
  tcpChains: () => [{ filters: [{ name: hostname }] }],
  ...fields,
});
const everywhere = { key: { bind: '0.0.0.0', port: 80 }, wildcard: true };

function gather(...services: Contribution[]): OutboundEntry {
  return services.reduce<OutboundEntry | undefined>(contribute, undefined) as OutboundEntry;
}
const chainsOf = ({ tcp }: OutboundEntry): unknown[] => tcp.map(({ filters }) => filters?.[0]?.name);

describe('services on one outbound listener', () => {
  it('of HTTP share it; on every address it is inspected, so that other bytes can pass', () => {
    expect(gather(service('a', 'HTTP'), service('b', 'GRPC'))).toMatchObject({
      protocol: 'HTTP',
      http: { routes: '80', inspected: false },
    });
    expect(gather(service('a', 'HTTP', everywhere), service('b', 'GRPC', everywhere))).toMatchObject({
      protocol: 'Unsupported',
      http: { routes: '80', inspected: true },
    });
    expect(gather(service('a', 'HTTP_PROXY', everywhere))).toMatchObject({
      protocol: 'HTTP_PROXY',
      http: { inspected: false },
    });
  });

  it('of bytes keep what the first claimed', () => {
    const byName = (name: string): Partial<Contribution> => ({
      tcpChains: () => [{ filterChainMatch: { serverNames: [name] }, filters: [{ name }] }],
    });
    expect(chainsOf(gather(service('a', 'TCP'), service('b', 'TCP'), service('c', 'TLS', byName('c'))))).toEqual([
      'a',
      'c',
    ]);
  });

  it('of HTTP and bytes are told apart by inspection on every address; on one of their own who comes first keeps it', () => {
    const onEvery = [service('a', 'HTTP', everywhere), service('b', 'TCP', everywhere)] as const;
    for (const entry of [gather(...onEvery), gather(onEvery[1], onEvery[0])]) {
      expect(entry).toMatchObject({ protocol: 'Unsupported', http: { routes: '80', inspected: true } });
      expect(chainsOf(entry)).toEqual(['b']);
    }
    expect(gather(service('a', 'HTTP'), service('b', 'TCP'))).toMatchObject({
      protocol: 'Unsupported',
      http: { inspected: false },
      tcp: [],
    });
    const bytes = gather(service('b', 'TCP'), service('a', 'HTTP'));
    expect([chainsOf(bytes), bytes.http, bytes.protocol]).toEqual([['b'], undefined, 'Unsupported']);
    const named = { tcpChains: () => [{ filterChainMatch: { serverNames: ['b'] }, filters: [{ name: 'b' }] }] };
    expect(gather(service('b', 'TLS', named), service('a', 'HTTP')).http).toMatchObject({ inspected: false });
  });

  it('of an HTTP proxy take the place of others', () => {
    expect(gather(service('b', 'TCP', everywhere), service('a', 'HTTP_PROXY', everywhere))).toMatchObject({
      protocol: 'HTTP_PROXY',
      http: { inspected: false },
      tcp: [],
    });
  });

  it('of undeclared protocol: the first keeps it, takes HTTP over, adds to bytes', () => {
    expect(gather(service('a', 'Unsupported'), service('b', 'Unsupported'))).toMatchObject({
      http: { routes: 'a:80' },
    });
    expect(gather(service('a', 'HTTP'), service('b', 'Unsupported'))).toMatchObject({
      http: { routes: 'b:80', inspected: true },
    });
    expect(chainsOf(gather(service('a', 'TCP'), service('b', 'Unsupported')))).toEqual(['a']);
    expect(gather(service('a', 'HTTP', everywhere), service('b', 'Unsupported', everywhere)).tcp).toEqual([]);
  });

  it.each<[Protocol, Protocol]>([
    ['MySQL', 'HTTP'],
    ['HTTP', 'MySQL'],
    ['Mongo', 'TCP'],
    ['MySQL', 'Unsupported'],
    ['Unsupported', 'Mongo'],
  ])('whose server speaks first do not mix: %s keeps %s out', (first, second) => {
    expect(gather(service('a', first), service('b', second))).toEqual(gather(service('a', first)));
  });

  it('of a later listener stay off the ports that a Sidecar gives', () => {
    expect(gather(service('a', 'HTTP', { locked: true }), service('b', 'TCP'))).toMatchObject({
      locked: true,
      tcp: [],
    });
  });

  it('on a socket have routes by its name', () => {
    expect(gather(service('a', 'HTTP', { key: { bind: 'unix:///a.sock', port: 0 } }))).toMatchObject({
      http: { routes: 'unix:///a.sock' },
    });
  });

  it('are what they are without those that change nothing, in any order', () => {
    const protocols: Protocol[] = ['HTTP', 'GRPC', 'HTTP_PROXY', 'TCP', 'TLS', 'MySQL', 'Mongo', 'Unsupported'];
    const some = fc.array(fc.record({ protocol: fc.constantFrom(...protocols), locked: fc.boolean() }), {
      minLength: 1,
    });
    fc.assert(
      fc.property(some, fc.boolean(), (all, wildcard) => {
        const services = all.map(({ protocol, locked }, i) =>
          service(`s${i}`, protocol, { locked, ...(wildcard ? everywhere : {}) }),
        );
        const [first, ...others] = services as [Contribution, ...Contribution[]];
        const effective = others.filter(({ servicePort }) => isEffective(first.servicePort, servicePort));
        expect(gather(first, ...effective)).toEqual(gather(...services));
      }),
    );
  });
});
