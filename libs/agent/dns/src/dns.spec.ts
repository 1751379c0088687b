import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import * as packet from 'dns-packet';
import fc from 'fast-check';
import { createManualClock } from '@flotilla/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { noObservability } from '@flotilla/observability-port';
import { buildAnswer, buildLookupTable, createDnsServer, lookUp, parseQuery, parseResolvConf } from './index.ts';
import type { NameInfo } from './index.ts';
import { readMessages, withLength } from './tcp-framing.ts';

const proxy = {
  namespace: 'shop',
  domain: 'shop.svc.cluster.local',
  search: ['shop.svc.cluster.local', 'svc.cluster.local'],
};
const kubernetes = (name: string, namespace: string, ips: string[]): [string, NameInfo] => [
  `${name}.${namespace}.svc.cluster.local`,
  { ips, registry: 'Kubernetes', shortname: name, namespace },
];
const names: Record<string, NameInfo> = Object.fromEntries([
  kubernetes('web', 'shop', ['10.96.0.1']),
  kubernetes('db', 'data', ['10.96.0.2']),
  kubernetes(
    'many',
    'shop',
    Array.from({ length: 60 }, (_, i) => `10.1.0.${i}`),
  ),
  ['api.example.com', { ips: ['240.240.0.1'], registry: 'External' }],
  ['*.wild.example.com', { ips: ['240.240.0.2', '2001:2::1'], registry: 'External' }],
  ['none.example.com', { registry: 'External' }],
]);
const table = buildLookupTable(names, proxy);
const ask = (name: string, type: 'A' | 'AAAA' | 'TXT' = 'A') => {
  const query = parseQuery(
    packet.encode({ type: 'query', id: 7, flags: packet.RECURSION_DESIRED, questions: [{ name, type }] }),
  );
  const answer = query && buildAnswer(table, query, { transport: 'tcp' });
  return answer && packet.decode(answer);
};
const data = (name: string, type: 'A' | 'AAAA' = 'A') =>
  ask(name, type)?.answers?.map((item) => (item as { data: unknown }).data);

describe('names of the mesh', () => {
  it.each(['web', 'web.shop', 'web.shop.svc', 'web.shop.svc.cluster.local', 'WEB.Shop'])(
    '%s is the Service of the own namespace',
    (name) => expect(data(name)).toEqual(['10.96.0.1']),
  );
  it('of other namespaces need the namespace', () => {
    expect(data('db.data')).toEqual(['10.96.0.2']);
    expect(ask('db')).toBeUndefined();
  });
  it('with a search domain appended are aliases', () => {
    expect(data('api.example.com.shop.svc.cluster.local')).toEqual(['api.example.com', '240.240.0.1']);
    expect(data('web.shop.svc.cluster.local.shop.svc.cluster.local')).toEqual([
      'web.shop.svc.cluster.local',
      '10.96.0.1',
    ]);
  });
  it('match wildcards of one or more labels', () => {
    expect(data('a.wild.example.com')).toEqual(['240.240.0.2']);
    expect(data('a.b.wild.example.com', 'AAAA')).toEqual(['2001:2::1']);
    expect(ask('wild.example.com')).toBeUndefined();
  });
  it('without addresses of the family have an empty answer, not an error', () => {
    expect(ask('web', 'AAAA')).toMatchObject({ rcode: 'NOERROR', answers: [] });
    expect(ask('web', 'TXT')).toBeUndefined();
  });
  it('without any address are not of the mesh', () => expect(ask('none.example.com')).toBeUndefined());
  it('keep all addresses, cut to the size of a UDP answer', () => {
    expect(data('many')).toHaveLength(60);
    const query = parseQuery(packet.encode({ type: 'query', id: 7, questions: [{ name: 'many', type: 'A' }] }));
    const answer = query && buildAnswer(table, query, { transport: 'udp' });
    expect(answer?.length).toBeLessThanOrEqual(512);
    expect(packet.decode(answer ?? Buffer.alloc(0)).flag_tc).toBe(true);
  });
  it('answer every name they have, whatever the names', () => {
    const label = fc.stringMatching(/^[a-z][a-z0-9-]{0,10}$/);
    fc.assert(
      fc.property(fc.array(fc.tuple(label, label), { maxLength: 20 }), (services) => {
        const any = buildLookupTable(
          Object.fromEntries(services.map(([name, namespace]) => kubernetes(name, namespace, ['10.0.0.1']))),
          proxy,
        );
        for (const [name, namespace] of services) {
          expect(lookUp(any, `${name}.${namespace}.svc.cluster.local`)?.addresses.v4).toEqual(['10.0.0.1']);
          expect(lookUp(any, `${name}.${namespace}`)?.addresses.v4).toEqual(['10.0.0.1']);
          expect(lookUp(any, name) !== undefined).toBe(
            namespace === 'shop' ||
              services.some(([other, of]) => other === name && of === 'shop') ||
              services.some(([other, of]) => `${other}.${of}` === name),
          );
        }
      }),
    );
  });
});

it('resolv.conf gives servers and search domains', () => {
  expect(parseResolvConf('# x\nnameserver 10.0.0.10\nsearch a.b c.d.\nnameserver ::1\noptions ndots:5\n')).toEqual({
    nameservers: ['10.0.0.10', '::1'],
    search: ['a.b', 'c.d'],
  });
  fc.assert(fc.property(fc.string(), (text) => parseResolvConf(text).nameservers.length <= 16));
});
it('a message with more questions or records than a query has is ignored before they are read', () => {
  const query = packet.encode({ type: 'query', questions: [{ type: 'A', name: 'a.test' }] });
  expect(parseQuery(query)?.question.name).toBe('a.test');
  for (const [place, most] of [
    [4, 1],
    [6, 1],
    [8, 1],
    [10, 2],
  ] as const) {
    const more = Buffer.from(query);
    more.writeUInt16BE(most + 1, place);
    expect(parseQuery(Buffer.concat([more, Buffer.alloc(64)]))).toBeUndefined();
  }
});

it('bytes that are not a query are ignored', () =>
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      parseQuery(Buffer.from(bytes));
    }),
  ));

describe('the server', () => {
  const closers: (() => unknown)[] = [];
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });

  const start = async (upstreams: { address: string; port: number }[], timeoutMs = 5000, maxForwarded?: number) => {
    const server = await createDnsServer({
      ...noObservability,
      address: '127.0.0.1',
      port: 0,
      names: proxy,
      upstreams,
      timeoutMs,
      ...(maxForwarded === undefined ? {} : { maxForwarded }),
    });
    closers.push(() => server.close());
    return server;
  };
  /** A server whose only upstream server never answers. */
  async function serveBesideSilence(timeoutMs: number, maxForwarded: number) {
    const silent = createSocket('udp4').bind(0, '127.0.0.1');
    closers.push(() => silent.close());
    await once(silent, 'listening');
    const upstreams = [{ address: '127.0.0.1', port: silent.address().port }];
    return { server: await start(upstreams, timeoutMs, maxForwarded), silent };
  }
  const query = (name: string): Buffer => packet.encode({ type: 'query', id: 9, questions: [{ name, type: 'A' }] });
  const overUdp = async (port: number, name: string) => {
    const socket = createSocket('udp4');
    closers.push(() => socket.close());
    socket.send(query(name), port, '127.0.0.1');
    return packet.decode(((await once(socket, 'message')) as [Buffer])[0]);
  };
  const overTcp = (port: number, name: string) =>
    new Promise<packet.DecodedPacket>((resolve, reject) => {
      const socket = connect(port, '127.0.0.1', () => socket.write(withLength(query(name))));
      socket.on('error', reject);
      readMessages(socket)
        .next()
        .then(({ value }) => {
          resolve(packet.decode(value as Buffer));
          socket.destroy();
        }, reject);
    });

  it('answers from the table over UDP and TCP, and forwards the rest', async () => {
    const upstream = await start([]);
    upstream.update({ 'else.example.com': { ips: ['1.2.3.4'] } });
    const server = await start([{ address: '127.0.0.1', port: upstream.port }]);
    server.update(names);
    for (const send of [overUdp, overTcp]) {
      expect((await send(server.port, 'web')).answers).toMatchObject([{ data: '10.96.0.1' }]);
      expect((await send(server.port, 'else.example.com')).answers).toMatchObject([{ data: '1.2.3.4' }]);
    }
  });
  it('tries the next upstream server, and says SERVFAIL when none answers', async () => {
    const silent = createSocket('udp4').bind(0, '127.0.0.1');
    closers.push(() => silent.close());
    await once(silent, 'listening');
    const upstream = await start([]);
    upstream.update({ 'else.example.com': { ips: ['1.2.3.4'] } });
    const away = { address: '127.0.0.1', port: silent.address().port };
    const server = await start([away, { address: '127.0.0.1', port: upstream.port }], 50);
    expect((await overUdp(server.port, 'else.example.com')).answers).toMatchObject([{ data: '1.2.3.4' }]);
    const alone = await start([away], 50);
    expect(await overUdp(alone.port, 'else.example.com')).toMatchObject({ rcode: 'SERVFAIL' });
  });
  it('truncates what is too large for any transport', async () => {
    const server = await start([]);
    server.update({
      'large.example.com': { ips: Array.from({ length: 10_000 }, (_, i) => `10.1.${i >> 8}.${i & 255}`) },
    });
    expect(await overUdp(server.port, 'large.example.com')).toMatchObject({ flag_tc: true });
    const { flag_tc, answers = [] } = await overTcp(server.port, 'large.example.com');
    expect([flag_tc, answers.length > 1500]).toEqual([true, true]);
  });
  it('reads a connection no further while 64 of its queries are unanswered, and ends it in time', async () => {
    const clock = createManualClock();
    const hits: string[] = [];
    const waiting = new Set<Socket>();
    const asked = Promise.withResolvers<null>();
    const upstream = createServer((socket) => {
      waiting.add(socket.on('error', () => {}));
      if (waiting.size === 64) asked.resolve(null);
    }).listen(0, '127.0.0.1');
    await once(upstream, 'listening');
    closers.push(
      () => upstream.close(),
      () => waiting.forEach((socket) => socket.destroy()),
    );
    const server = await createDnsServer({
      ...noObservability,
      address: '127.0.0.1',
      port: 0,
      names: proxy,
      upstreams: [{ address: '127.0.0.1', port: (upstream.address() as AddressInfo).port }],
      guard: { clock, onLimit: (kind) => hits.push(kind) },
    });
    closers.push(async () => {
      const closed = server.close();
      clock.advance(1);
      await closed;
    });
    server.update(names);
    const socket = connect(server.port, '127.0.0.1').on('error', () => {});
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.write(Buffer.concat(Array.from({ length: 1000 }, () => withLength(query('else.example.com')))));
    await asked.promise;
    for (let i = 0; i < 10; i++)
      expect((await overTcp(server.port, 'web')).answers).toMatchObject([{ data: '10.96.0.1' }]);
    expect(waiting.size).toBe(64);
    clock.advance(61_000);
    await closed;
    expect(hits).toContain('response_timeout');
  });
  it('answers names of the mesh while a flood of other names and of noise waits for upstream servers', async () => {
    const { server, silent } = await serveBesideSilence(60_000, 5);
    let forwarded = 0;
    silent.on('message', () => void (forwarded += 1));
    server.update(names);
    const flood = createSocket('udp4');
    closers.push(() => flood.close());
    const send = (bytes: Buffer): Promise<unknown> =>
      new Promise((resolve) => flood.send(bytes, server.port, '127.0.0.1', resolve));
    const refused = once(flood, 'message');
    for (let i = 0; i < 300; i += 1) {
      await send(query(`n${i}.example.com`));
      await send(Buffer.alloc(i, i));
    }
    // The kernel drops datagrams that nobody has read yet, so the other client asks over TCP.
    expect(await overTcp(server.port, 'web')).toMatchObject({ answers: [{ data: '10.96.0.1' }] });
    expect(forwarded).toBeLessThanOrEqual(5);
    expect(packet.decode(((await refused) as [Buffer])[0])).toMatchObject({ rcode: 'SERVFAIL' });
  });
  it('says SERVFAIL beyond the queries that may wait for upstream servers', async () => {
    const { server, silent } = await serveBesideSilence(1000, 1);
    const arrived = once(silent, 'message');
    const first = overUdp(server.port, 'a.example.com');
    await arrived;
    expect(await overUdp(server.port, 'b.example.com')).toMatchObject({
      rcode: 'SERVFAIL',
      questions: [{ name: 'b.example.com' }],
    });
    expect(await first).toMatchObject({ rcode: 'SERVFAIL', questions: [{ name: 'a.example.com' }] });
  });
});
