import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import {
  Client,
  credentials,
  status,
  type Metadata,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type sendUnaryData,
  type ServiceError,
} from '@grpc/grpc-js';
import { createCertificateSource, type KeyAndCertificate } from '@flotilla/pki';
import { AsyncQueue } from '@flotilla/std';
import { createManualClock, createTestCa } from '@flotilla/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { identityIn, serverNamed } from './channel-credentials.ts';
import { listen, type GrpcService, type ListenOptions } from './listen.ts';

const ca = createTestCa();
const identity = 'spiffe://cluster.local/ns/shop/sa/web';
const workload = ca.issue({ uris: [identity] });
const tls = { source: createCertificateSource(ca.issue({ dns: ['localhost'] })), clients: 'optional' } as const;
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const bytes = (value: Buffer): Buffer => value;
const codec = {
  requestSerialize: bytes,
  requestDeserialize: bytes,
  responseSerialize: bytes,
  responseDeserialize: bytes,
};
const service = {
  Who: { path: '/test.Test/Who', requestStream: false, responseStream: false, ...codec },
  Echo: { path: '/test.Test/Echo', requestStream: true, responseStream: true, ...codec },
} as const;
type Stream = ServerDuplexStream<Buffer, Buffer>;

/** Answers with the caller's identity and what the caller sent. */
const testService: GrpcService = {
  addTo: (server) =>
    void server.addService(service, {
      Who: (call: ServerUnaryCall<Buffer, Buffer>, answer: sendUnaryData<Buffer>) =>
        answer(
          null,
          Buffer.from(
            `${identityIn(call.getAuthContext().sslPeerCertificate?.raw) ?? 'nobody'} at ${call.getPeer().replace(/:\d+$/, '')}`,
          ),
        ),
      Echo: (call: Stream) =>
        void call.on('data', (message: Buffer) => call.write(message)).on('end', () => call.end()),
    }),
};

async function rig(options: Partial<ListenOptions> = {}) {
  const clock = createManualClock();
  const hits: string[] = [];
  const listening = await listen([testService], {
    at: { host: '127.0.0.1', port: 0 },
    clock,
    onLimit: (kind) => hits.push(kind),
    ...options,
  });
  const close = async (): Promise<void> => {
    const closed = listening.close();
    clock.advance(2000);
    await closed;
  };
  closers.push(close);
  const client = (held?: KeyAndCertificate): Client => {
    const channel = options.tls
      ? credentials.createSsl(
          Buffer.from(ca.roots),
          held ? Buffer.from(held.key) : null,
          held ? Buffer.from(held.cert) : null,
        )
      : credentials.createInsecure();
    const made = new Client(`127.0.0.1:${listening.port}`, channel, {
      ...serverNamed('localhost'),
      'grpc.use_local_subchannel_pool': 1,
    });
    closers.push(() => made.close());
    return made;
  };
  const who = (by: Client): Promise<string> =>
    new Promise((resolve, reject) => {
      by.makeUnaryRequest(
        service.Who.path,
        bytes,
        bytes,
        Buffer.alloc(0),
        (error: ServiceError | null, value?: Buffer) => (error ? reject(error) : resolve(String(value))),
      );
    });
  const open = async (said?: Buffer): Promise<Socket> => {
    const socket = connect(listening.port, '127.0.0.1').on('error', () => {});
    closers.push(() => socket.destroy());
    await once(socket, 'connect');
    if (said) await new Promise((resolve) => socket.write(said, resolve));
    return socket;
  };
  return { clock, hits, listening, client, who, open, close };
}
const many = (count: number, open: () => Promise<Socket>): Promise<Socket[]> =>
  Promise.all(Array.from({ length: count }, open));
const ended = (socket: Socket): Promise<unknown> =>
  socket.resume().closed ? Promise.resolve() : once(socket, 'close');

/** Frames of HTTP/2 (RFC 9113, 4.1), with an empty table of HPACK. */
const frame = (
  type: number,
  flags: number,
  { stream = 0, payload = [] }: { stream?: number; payload?: Iterable<number> } = {},
): Buffer => {
  const content = Buffer.from([...payload]);
  const head = Buffer.alloc(9);
  head.writeUIntBE(content.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, content]);
};
const literal = (name: string, value: string): Buffer =>
  Buffer.concat([Buffer.from([0, name.length]), Buffer.from(name), Buffer.from([value.length]), Buffer.from(value)]);
const headerBlock = (path: string): Buffer =>
  Buffer.concat([
    literal(':method', 'POST'),
    literal(':scheme', 'http'),
    literal(':path', path),
    literal(':authority', 'a'),
    literal('content-type', 'application/grpc'),
    literal('te', 'trailers'),
  ]);
const preface = Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), frame(4, 0)]);
const [endHeaders, endStream] = [4, 1];
const headers = (stream: number, path: string): Buffer => frame(1, endHeaders, { stream, payload: headerBlock(path) });

it.each([
  ['plaintext', {}, undefined, 'nobody'],
  ['TLS without a certificate', { tls }, undefined, 'nobody'],
  ['TLS with one', { tls }, workload, identity],
] as const)('over %s a service sees who calls and from where', async (...[, options, held, expected]) => {
  const { client, who } = await rig(options);
  expect(await who(client(held))).toBe(`${expected} at 127.0.0.1`);
});

it('requires a certificate where it says so', async () => {
  const { client, who } = await rig({ tls: { ...tls, clients: 'required' } });
  await expect(who(client())).rejects.toMatchObject({ code: status.UNAVAILABLE });
  expect(await who(client(workload))).toBe(`${identity} at 127.0.0.1`);
});

describe.each([
  ['plaintext', {}],
  ['TLS', { tls }],
] as const)('over %s', (_, options) => {
  it('a good client is served at once while 300 idle connections fill the server', async () => {
    const { client, who, open } = await rig({ ...options, limits: { maxConnections: 100, maxHandshakes: 50 } });
    await many(300, open);
    expect(await who(client())).toBe('nobody at 127.0.0.1');
  });
  it('a connection that says nothing is ended', async () => {
    const { clock, client, who, open, hits } = await rig(options);
    const socket = await open();
    await who(client());
    clock.advance(6000);
    await ended(socket);
    expect(hits).toEqual(['tls' in options ? 'handshake_timeout' : 'header_timeout']);
  });
  it('streams are never closed for new connections, and last', async () => {
    const { clock, client, who, open, hits } = await rig({ ...options, limits: { maxConnections: 10 } });
    const stream = client(workload).makeBidiStreamRequest(service.Echo.path, bytes, bytes);
    closers.push(() => stream.cancel());
    stream.on('error', () => {});
    stream.write(Buffer.from('one'));
    await once(stream, 'data');
    await many(100, open);
    await who(client());
    clock.advance(3_600_000);
    stream.write(Buffer.from('two'));
    expect(String(((await once(stream, 'data')) as [Buffer])[0])).toBe('two');
    expect(hits.filter((kind) => kind === 'evicted_connections')).toHaveLength(92);
  });
});

it('a caller with a certificate keeps its connection while 1000 others hang', async () => {
  const { client, who, open } = await rig({ tls, limits: { maxConnections: 50, maxHandshakes: 20 } });
  const known = client(workload);
  await who(known);
  const before = known.getChannel().getConnectivityState(false);
  const states: number[] = [];
  known.getChannel().watchConnectivityState(before, Infinity, () => states.push(1));
  for (let i = 0; i < 10; i++) await many(100, open);
  expect(await who(known)).toBe(`${identity} at 127.0.0.1`);
  expect(states).toEqual([]);
});

describe('a request that does not come in time is ended:', () => {
  const halfMessage = Buffer.from([0, 0, 0, 0, 100, 1, 2, 3]);
  it.each([
    ["the client's preface", Buffer.from('PRI * HTTP/2.0\r\n'), 'header_timeout'],
    [
      'a header',
      Buffer.concat([preface, frame(1, 0, { stream: 1, payload: headerBlock(service.Who.path) })]),
      'header_timeout',
    ],
    [
      'a message',
      Buffer.concat([preface, headers(1, service.Who.path), frame(0, 0, { stream: 1, payload: halfMessage })]),
      'body_timeout',
    ],
    [
      'the first message of a stream',
      Buffer.concat([preface, headers(1, service.Echo.path), frame(0, 0, { stream: 1, payload: halfMessage })]),
      'body_timeout',
    ],
    [
      'a later message of a stream',
      Buffer.concat([
        preface,
        headers(1, service.Echo.path),
        frame(0, 0, { stream: 1, payload: Buffer.concat([Buffer.from([0, 0, 0, 0, 0]), halfMessage]) }),
      ]),
      'body_timeout',
    ],
    [
      'the end of a request that is a single message',
      Buffer.concat([
        preface,
        headers(1, service.Who.path),
        frame(0, 0, { stream: 1, payload: Buffer.from([0, 0, 0, 0, 0]) }),
      ]),
      'body_timeout',
    ],
  ])('%s', async (_, said, kind) => {
    const { clock, client, who, open, hits } = await rig({ limits: { idleTimeout: 20_000 } });
    const socket = await open(said);
    await who(client());
    clock.advance(6000);
    await who(client());
    expect(hits).toEqual([kind]);
    clock.advance(6000);
    await who(client());
    clock.advance(23_000);
    await ended(socket);
  });
});

const streamId = (i: number): number => 2 * i + 1;
const repeated = (count: number, make: (i: number) => Buffer): Buffer =>
  Buffer.concat([preface, ...Array.from({ length: count }, (_, i) => make(i))]);
const reset = (stream: number): Buffer => frame(3, 0, { stream, payload: [0, 0, 0, 8] });

describe('a flood ends its own connection, and others are served:', () => {
  const unfinished = frame(1, 0, { stream: 1, payload: headerBlock(service.Who.path) });
  it.each([
    [
      'streams that are reset at once (CVE-2023-44487)',
      repeated(5000, (i) => Buffer.concat([headers(streamId(i), service.Echo.path), reset(streamId(i))])),
    ],
    ['PING', repeated(20_000, () => frame(6, 0, { payload: Buffer.alloc(8) }))],
    ['SETTINGS', repeated(20_000, () => frame(4, 0))],
    [
      'CONTINUATION (CVE-2024-27983)',
      Buffer.concat([
        preface,
        unfinished,
        ...Array.from({ length: 1000 }, () => frame(9, 0, { stream: 1, payload: literal('x', 'y'.repeat(100)) })),
      ]),
    ],
    ['more streams than it may have', repeated(5000, (i) => headers(streamId(i), service.Echo.path))],
  ])('%s', async (_, said) => {
    const { client, who, open } = await rig();
    const socket = await open();
    const closed = ended(socket);
    socket.write(said);
    expect(await who(client())).toBe('nobody at 127.0.0.1');
    await closed;
  });
});

describe('is refused without harm to its connection:', () => {
  const many128 = Array.from({ length: 150 }, (_, i) => literal(`x${i}`, 'y'.repeat(100)));
  it.each([
    [
      'a list of too many headers',
      frame(1, endHeaders | endStream, {
        stream: 1,
        payload: Buffer.concat([headerBlock(service.Who.path), ...many128]),
      }),
    ],
    [
      'a message that is too large',
      Buffer.concat([headers(1, service.Who.path), frame(0, 0, { stream: 1, payload: [0, 0, 0x50, 0, 0, 1] })]),
    ],
  ])('%s', async (_, said) => {
    const { open } = await rig();
    const socket = await open(Buffer.concat([preface, said]));
    const answers = new AsyncQueue<Buffer>();
    socket.on('data', (chunk: Buffer) => answers.push(chunk));
    let answer = '';
    // A stream that is reset, or trailers that end it; then the answer to a PING.
    const isOver = /000004030000000001|000[0-9a-f]{3}010500000001/;
    while (!isOver.test(answer)) answer += ((await answers.next()).value as Buffer).toString('hex');
    socket.write(frame(6, 0, { payload: Buffer.alloc(8) }));
    while (!answer.includes('000008060100000000')) answer += ((await answers.next()).value as Buffer).toString('hex');
  });
});

it('counts connections that Node ends for what they do with HTTP/2', async () => {
  const { open, hits } = await rig();
  const socket = await open(Buffer.concat([preface, frame(8, 0, { payload: Buffer.alloc(4) })]));
  socket.resume();
  await once(socket, 'close');
  expect(hits).toEqual(['http2_protocol']);
});

it('refuses compressed messages, whatever they would inflate to', async () => {
  const { listening } = await rig();
  const session = connectHttp2(`http://127.0.0.1:${listening.port}`);
  closers.push(() => session.destroy());
  const statusOf = async (encoding: string, message: Buffer): Promise<unknown> => {
    const call = session.request({
      ':method': 'POST',
      ':path': service.Who.path,
      'content-type': 'application/grpc',
      'grpc-encoding': encoding,
      te: 'trailers',
    });
    const length = Buffer.alloc(5, encoding === 'identity' ? 0 : 1);
    length.writeUInt32BE(message.length, 1);
    const headers = new Promise<Record<string, unknown>>((resolve) =>
      call.on('response', (found) => found['grpc-status'] !== undefined && resolve(found)).on('trailers', resolve),
    );
    call.resume().end(Buffer.concat([length, message]));
    const found = await headers;
    return [Number(found['grpc-status']), decodeURIComponent(String(found['grpc-message']))];
  };
  const refused = expect.stringMatching(/unsupported encoding "gzip: not accepted here"/) as string;
  expect(await statusOf('gzip', gzipSync(Buffer.alloc(100_000)))).toEqual([status.UNIMPLEMENTED, refused]);
  expect(await statusOf('identity', Buffer.alloc(0))).toEqual([status.OK, 'OK']);
});

it('bounds the memory of messages that are not complete', async () => {
  const { client, who, open, hits } = await rig({ grpc: { maxUnfinishedBytes: 100_000 } });
  const unfinished = (stream: number): Buffer =>
    Buffer.concat([
      headers(stream, stream % 4 === 1 ? service.Who.path : service.Echo.path),
      frame(0, 0, { stream, payload: Buffer.concat([Buffer.from([0, 0, 1, 0, 0]), Buffer.alloc(10_000)]) }),
    ]);
  const socket = await open(Buffer.concat([preface, ...Array.from({ length: 12 }, (_, i) => unfinished(2 * i + 1))]));
  let answer = '';
  // The oldest are reset with ENHANCE_YOUR_CALM.
  while (!answer.includes('0000040300000000050000000b'))
    answer += ((await once(socket, 'data')) as [Buffer])[0].toString('hex');
  expect(new Set(hits)).toEqual(new Set(['message_memory']));
  expect(await who(client())).toBe('nobody at 127.0.0.1');
});

it('lets streams end when it closes, and lets idle clients go at once', async () => {
  const { listening, client, who } = await rig();
  const idle = client();
  await who(idle);
  const stream = client().makeBidiStreamRequest(service.Echo.path, bytes, bytes);
  stream.write(Buffer.from('one'));
  await once(stream, 'data');
  const closed = listening.close();
  stream.write(Buffer.from('two'));
  expect(String(((await once(stream, 'data')) as [Buffer])[0])).toBe('two');
  const end = once(stream, 'status') as Promise<[{ code: status; metadata: Metadata }]>;
  stream.end();
  stream.resume();
  expect((await end)[0].code).toBe(status.OK);
  await closed;
  await expect(who(idle)).rejects.toMatchObject({ code: status.UNAVAILABLE });
});
