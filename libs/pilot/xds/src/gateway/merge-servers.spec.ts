import { describe, expect, it } from 'vitest';
import type { Server } from '@flotilla/model';
import { isHttp, parseProtocol } from '@flotilla/rules';
import { mergeServers, plainHosts, type GatewayServer, type MergedGateway } from './merge-servers.ts';

type Tls = NonNullable<Server['tls']>;
let count = 0;
/** `PROTOCOL:port[@bind]` of a Gateway of its own. */
function server(place: string, { hosts = ['*'], tls }: { hosts?: string[]; tls?: Tls['mode'] } = {}): GatewayServer {
  const [, protocol = '', number = '0', bind] = /^([^:]+):(\d+)(?:@(.+))?$/.exec(place) ?? [];
  const port = Number(number);
  const gateway = `ns/g${(count += 1)}`;
  const known = parseProtocol(protocol);
  const ended = known === 'HTTPS' && tls !== undefined && !tls.includes('PASSTHROUGH');
  return {
    server: {
      port: { number: port, name: gateway, protocol },
      hosts,
      ...(bind ? { bind } : {}),
      ...(tls ? { tls: { mode: tls } } : {}),
    },
    gateway,
    protocol: known,
    port,
    routeName: isHttp(known) ? `http.${port}${bind ? `.${bind}` : ''}` : ended ? `https.${gateway}` : '',
  };
}
/** What is where, in order: `PROTOCOL:port[@bind] route hosts|hosts`. */
const placesOf = ({ ports }: MergedGateway): string[] =>
  ports.map(
    ({ protocol, port, bind, routeName, servers }) =>
      `${protocol}:${port}${bind ? `@${bind}` : ''} ${routeName} ${servers.map((gatewayServer) => (gatewayServer.server.hosts ?? []).join(',')).join('|')}`,
  );
const merged = (...servers: GatewayServer[]): string[] => placesOf(mergeServers(servers));

describe('servers of several Gateways on one port', () => {
  it('of plain HTTP share it, whatever HTTP they speak', () => {
    expect(
      merged(
        server('HTTP:80', { hosts: ['a'] }),
        server('GRPC:80', { hosts: ['b'] }),
        server('http2:80', { hosts: ['c'] }),
      ),
    ).toEqual(['HTTP:80 http.80 a|b|c']);
  });

  it('of plain bytes are the first alone', () => {
    expect(
      merged(
        server('TCP:80', { hosts: ['a'] }),
        server('TCP:80', { hosts: ['b'] }),
        server('HTTP:80'),
        server('Mongo:80'),
      ),
    ).toEqual(['TCP:80  a']);
  });

  it('of plain HTTP let neither bytes nor TLS in', () => {
    expect(
      merged(
        server('HTTP:80', { hosts: ['a'] }),
        server('TCP:80'),
        server('HTTPS:80', { tls: 'SIMPLE' }),
        server('TLS:80', { tls: 'PASSTHROUGH' }),
      ),
    ).toEqual(['HTTP:80 http.80 a']);
  });

  it('of TLS share it, told apart by hosts; one that names a host again is left out, with its other hosts', () => {
    const simple = { tls: 'SIMPLE' as const };
    expect(
      merged(
        server('HTTPS:443', { hosts: ['a', 'b'], ...simple }),
        server('HTTPS:443', { hosts: ['c', 'b'], ...simple }),
        server('TLS:443', { hosts: ['c'], tls: 'PASSTHROUGH' }),
        server('HTTPS:443', { hosts: ['*'], tls: 'MUTUAL' }),
        server('TLS:443', { hosts: ['*'], ...simple }),
      ),
    ).toEqual([expect.stringMatching(/^HTTPS:443 https\S+ a,b\|\*$/), 'TLS:443  c']);
  });

  it('take for different hosts what differs in its namespace alone', () => {
    expect(
      merged(
        server('TLS:443', { hosts: ['a/x'], tls: 'SIMPLE' }),
        server('TLS:443', { hosts: ['b/x'], tls: 'SIMPLE' }),
      ),
    ).toEqual(['TLS:443  a/x|b/x']);
  });

  it('of TLS let those without TLS in, but HTTP gets no routes there', () => {
    expect(merged(server('TLS:443', { tls: 'SIMPLE' }), server('HTTP:443'), server('TCP:443'))).toEqual([
      'TLS:443  *',
      'HTTP:443  *',
      'TCP:443  *',
    ]);
    expect(
      merged(
        server('HTTPS:443', { hosts: ['a'], tls: 'SIMPLE' }),
        server('HTTPS:443', { hosts: ['b'], tls: 'SIMPLE' }),
        server('HTTP:443'),
      ),
    ).toEqual([expect.stringMatching(/^HTTPS:443 https\S+ a\|b$/), 'HTTP:443  *']);
  });

  it('do not meet when they bind to different addresses', () => {
    expect(
      merged(
        server('TCP:80@10.0.0.1', { hosts: ['a'] }),
        server('TCP:80@10.0.0.2', { hosts: ['b'] }),
        server('HTTP:80@10.0.0.3', { hosts: ['c'] }),
        server('TCP:80@10.0.0.1'),
      ),
    ).toEqual(['TCP:80@10.0.0.1  a', 'TCP:80@10.0.0.2  b', 'HTTP:80@10.0.0.3 http.80.10.0.0.3 c']);
    expect(
      merged(server('TLS:443@10.0.0.1', { tls: 'SIMPLE' }), server('TLS:443@10.0.0.2', { tls: 'SIMPLE' })),
    ).toEqual(['TLS:443@10.0.0.1  *', 'TLS:443@10.0.0.2  *']);
  });

  it('give each HTTPS server a route configuration of its own, and plain HTTP one for all', () => {
    const { routes } = mergeServers([
      server('HTTP:80', { hosts: ['a'] }),
      server('HTTP:80', { hosts: ['b'] }),
      server('HTTPS:443', { hosts: ['c'], tls: 'SIMPLE' }),
      server('HTTPS:443', { hosts: ['d'], tls: 'SIMPLE' }),
    ]);
    expect([...routes.values()].map((servers) => servers.map((gatewayServer) => gatewayServer.server.hosts))).toEqual([
      [['a'], ['b']],
      [['c']],
      [['d']],
    ]);
  });

  it('tell whether other networks are passed through', () => {
    expect(mergeServers([server('TLS:443', { tls: 'AUTO_PASSTHROUGH' })]).passesTlsOn).toBe(true);
    expect(mergeServers([server('TLS:443', { tls: 'PASSTHROUGH' })]).passesTlsOn).toBe(false);
  });
});

describe('hosts of a server', () => {
  it('name namespaces only where they mean one', () => {
    expect(plainHosts(['a', './b', '*/c', 'other/d'], 'own')).toEqual(['a', 'own/b', 'c', 'other/d']);
    expect(plainHosts(['a', '*/*', 'b'], 'own')).toEqual(['*']);
  });
});
