import { once } from 'node:events';
import { request } from 'node:http';
import { request as requestSecurely } from 'node:https';
import { connect, type Socket } from 'node:net';
import { text as textOf } from 'node:stream/consumers';
import { connect as connectTls } from 'node:tls';
import { createCertificateSource } from '@flotilla/pki';
import { createManualClock, createTestCa } from '@flotilla/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { createDrains } from './drains.ts';
import { serveHttp, type HttpServerOptions } from './http.ts';

const ca = createTestCa();
const client = ca.issue({ uris: ['spiffe://cluster.local/ns/kube-system/sa/api-server'] });
const source = createCertificateSource(ca.issue({ dns: ['localhost'] }));
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function rig(options: Partial<HttpServerOptions> = {}, isTls = false) {
  const clock = createManualClock();
  const hits: string[] = [];
  const server = await serveHttp({
    at: { host: '127.0.0.1', port: 0 },
    clock,
    onLimit: (kind) => hits.push(kind),
    ...(isTls ? { tls: { source, clients: 'optional' } } : {}),
    handle: async (incoming, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of incoming as AsyncIterable<Buffer>) chunks.push(chunk);
      response.end(`got ${Buffer.concat(chunks).length}`);
    },
    ...options,
  });
  closers.push(async () => {
    const closed = server.close();
    clock.advance(2000);
    await closed;
  });
  const get = (tls: { key?: string; cert?: string } = {}): Promise<string> =>
    new Promise((resolve, reject) => {
      const given = {
        host: '127.0.0.1',
        port: server.port,
        agent: false,
        ...tls,
        ...(isTls ? { ca: ca.roots, servername: 'localhost' } : {}),
      };
      const sent = (isTls ? requestSecurely : request)(given, (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => (text += chunk.toString())).on('end', () => resolve(text));
      });
      sent.on('error', reject).end();
    });
  /** A connection that has said so much; `closed` resolves when the server has ended it, with what it answered. */
  const open = async (said = '') => {
    const socket = connect(server.port, '127.0.0.1');
    let answer = '';
    socket.on('error', () => {}).on('data', (chunk: Buffer) => (answer += chunk.toString()));
    closers.push(() => socket.destroy());
    const closed = new Promise<string>((resolve) => socket.once('close', () => resolve(answer)));
    await once(socket, 'connect');
    if (said) await new Promise((resolve) => socket.write(said, resolve));
    return { socket, closed };
  };
  return { clock, hits, server, get, open };
}
const manyOf = <T>(count: number, make: () => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, make));

describe.each([
  ['HTTP', false],
  ['HTTPS', true],
])('%s', (_, isTls) => {
  it('serves a good client at once while 300 idle connections fill the server', async () => {
    const { get, open, hits } = await rig({ limits: { maxConnections: 100, maxHandshakes: 50 } }, isTls);
    await manyOf(300, open);
    expect(await get()).toBe('got 0');
    expect(hits.length).toBeGreaterThanOrEqual(200);
  });
  it('takes a body of many chunks whole, and answers requests that follow one another in order', async () => {
    const { server } = await rig({}, isTls);
    const { port } = server;
    const socket = isTls ? connectTls({ port, ca: ca.roots, servername: 'localhost' }) : connect(port, '127.0.0.1');
    closers.push(() => socket.destroy());
    const request = (connection: string, chunks: string): string =>
      `POST / HTTP/1.1\r\nHost: a\r\nConnection: ${connection}\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}0\r\n\r\n`;
    const large = 'a'.repeat(0x4000);
    socket.write(request('keep-alive', '3\r\nabc\r\n'.repeat(5000)) + request('close', `4000\r\n${large}\r\n`));
    expect((await textOf(socket)).match(/got \d+/g)).toEqual(['got 15000', 'got 16384']);
  });
  it('ends a connection that says nothing', async () => {
    const { clock, open, get, hits } = await rig({}, isTls);
    const { closed } = await open();
    // The server has accepted the first when it answers the second.
    await get();
    clock.advance(6000);
    expect(await closed).toBe('');
    expect(hits).toEqual([isTls ? 'handshake_timeout' : 'header_timeout']);
  });
});

describe('HTTP', () => {
  it('handles nothing that follows the requests for which a connection is cut', async () => {
    let handled = 0;
    const { open, hits } = await rig({
      handle: async (_, response) => {
        handled += 1;
        await Promise.resolve();
        response.end();
      },
    });
    const { closed } = await open('GET / HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(5000));
    await closed;
    expect({ handled, hits }).toEqual({ handled: 16, hits: ['pipelined_requests'] });
  });
  it.each([
    ['a header half sent', 'GET / HTTP/1.1\r\nHost: a\r\nX-', 'header_timeout'],
    ['a body half sent', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc', 'body_timeout'],
    [
      'a chunked body half sent',
      'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc',
      'body_timeout',
    ],
  ])('ends %s', async (_, said, kind) => {
    const { clock, open, get, hits } = await rig();
    const { closed } = await open(said);
    await get();
    clock.advance(6000);
    await closed;
    expect(hits).toEqual([kind]);
  });
  it('ends a body that comes byte by byte', async () => {
    const began = Promise.withResolvers<null>();
    const bytes: (() => void)[] = [];
    const { clock, open, hits } = await rig({
      handle: (incoming) => {
        incoming.on('data', () => bytes.shift()?.());
        began.resolve(null);
      },
    });
    const { socket, closed } = await open('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n');
    await began.promise;
    for (let second = 0; second < 5; second++) {
      const arrived = new Promise<void>((resolve) => bytes.push(resolve));
      socket.write('a');
      await arrived;
      clock.advance(1000);
    }
    expect(socket.destroyed).toBe(false);
    clock.advance(1000);
    await closed;
    expect(hits).toEqual(['body_timeout']);
  });
  it('keeps a connection between requests, then ends it', async () => {
    const { clock, open, hits } = await rig({ limits: { idleTimeout: 60_000 } });
    const { socket, closed } = await open('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await once(socket, 'data');
    clock.advance(60_000);
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await once(socket, 'data');
    clock.advance(61_000);
    expect((await closed).match(/HTTP\/1.1 200/g)).toHaveLength(2);
    expect(hits).toEqual(['idle_timeout']);
  });
  it('ends a connection with its next answer while the process drains, and accepts others', async () => {
    const drains = createDrains();
    const { open, get } = await rig({ drains });
    const request = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
    const { socket, closed } = await open(request);
    await once(socket, 'data');
    await drains.run(1000);
    expect(await get()).toBe('got 0');
    socket.write(request);
    expect(await closed).toMatch(/HTTP\/1.1 200[^]*HTTP\/1.1 200[^]*connection: close/i);
  });
  it('ends an answer that is not taken', async () => {
    const large = Buffer.alloc(64 << 20);
    const { clock, open, hits } = await rig({
      handle: (_, response) => void response.end(large),
      limits: { responseTimeout: 10_000 },
    });
    const { socket, closed } = await open('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await once(socket, 'data');
    socket.pause();
    clock.advance(11_000);
    socket.resume();
    await closed;
    expect(hits).toEqual(['response_timeout']);
  });
  it.each([
    {
      what: 'too large a header',
      said: `GET / HTTP/1.1\r\nX: ${'a'.repeat(20_000)}\r\n\r\n`,
      status: 431,
      kinds: ['header_size'],
    },
    { what: 'what is not HTTP', said: '\x16\x03\x01\x00\x00\r\n\r\n', status: 400, kinds: [] },
  ])('refuses $what', async ({ said, status, kinds }) => {
    const { open, hits } = await rig();
    const { closed } = await open(said);
    expect(await closed).toMatch(`HTTP/1.1 ${status} `);
    expect(hits).toEqual(kinds);
  });
  it('ends a request that fails with status 500', async () => {
    const problems: string[] = [];
    const { open } = await rig({
      handle: () => {
        throw new Error('a bug');
      },
      onProblem: (message) => problems.push(message),
    });
    const { socket } = await open('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect([answer.toString().slice(0, 12), problems]).toEqual(['HTTP/1.1 500', ['a request failed: a bug']]);
  });
  it('finishes an answer before it closes, and closes idle connections at once', async () => {
    const asked = Promise.withResolvers<() => void>();
    const { server, open, get } = await rig({
      handle: (incoming, response) =>
        incoming.url === '/slow' ? asked.resolve(() => response.end('done')) : void response.end(),
    });
    const idle = await open();
    await get();
    const { closed } = await open('GET /slow HTTP/1.1\r\nHost: a\r\n\r\n');
    const answer = await asked.promise;
    const closing = server.close();
    await idle.closed;
    answer();
    expect(await closed).toMatch(/done$/);
    await closing;
    await expect(open()).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });
  it('says which address is taken', async () => {
    const { server } = await rig();
    await expect(rig({ at: { host: '127.0.0.1', port: server.port } })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });
});

describe('HTTPS', () => {
  it('serves clients with a certificate, new and idle, while 1000 others hang', async () => {
    const { get, open, server, hits } = await rig({ limits: { maxConnections: 50, maxHandshakes: 20 } }, true);
    const known: Socket = connectTls({
      host: '127.0.0.1',
      port: server.port,
      ca: ca.roots,
      servername: 'localhost',
      ...client,
    });
    closers.push(() => known.destroy());
    await once(known, 'secureConnect');
    known.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await once(known, 'data');
    for (let i = 0; i < 10; i++) await manyOf(100, open);
    expect(await get(client)).toBe('got 0');
    known.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await once(known, 'data');
    expect(new Set(hits)).toEqual(new Set(['handshakes']));
  });
  it.each([
    ['keeps clients with a certificate of roots that it was told of', true],
    ['takes those of other roots for anybody', false],
  ])('%s', async (_, isTold) => {
    const others = createTestCa();
    const tls = { source, clients: 'optional', ...(isTold ? { clientRoots: others.roots } : {}) } as const;
    const { server, hits } = await rig({ tls, limits: { maxConnections: 8 } }, true);
    const answered = async (certificate: { key?: string; cert?: string }): Promise<Socket> => {
      const socket = connectTls({
        host: '127.0.0.1',
        port: server.port,
        ca: ca.roots,
        servername: 'localhost',
        ...certificate,
      }).on('error', () => {});
      closers.push(() => socket.destroy());
      await once(socket, 'secureConnect');
      socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      await once(socket, 'data');
      return socket;
    };
    const { key, cert } = others.issue({ uris: ['spiffe://elsewhere/ns/kube-system/sa/api-server'] });
    const known = await answered({ key, cert });
    const closed = once(known, 'close').then(() => 'closed');
    for (let i = 0; i < 8; i += 1) await answered({});
    expect(hits).toEqual(['evicted_connections']);
    if (!isTold) expect(await closed).toBe('closed');
    else {
      known.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      expect(String(((await once(known, 'data')) as [Buffer])[0])).toContain('got 0');
    }
  });
  it('gives new connections the new certificate', async () => {
    const changing = createCertificateSource();
    const { server } = await rig({ tls: { source: changing, clients: 'optional' } }, true);
    const serialOf = async (): Promise<string> => {
      const socket = connectTls({ host: '127.0.0.1', port: server.port, rejectUnauthorized: false });
      await once(socket, 'secureConnect');
      const { serialNumber } = socket.getPeerCertificate();
      socket.destroy();
      return serialNumber;
    };
    await expect(serialOf()).rejects.toMatchObject({ code: 'ECONNRESET' });
    changing.set(ca.issue({ dns: ['localhost'] }));
    const first = await serialOf();
    changing.set(ca.issue({ dns: ['localhost'] }));
    expect(await serialOf()).not.toBe(first);
  });
});
