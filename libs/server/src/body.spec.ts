import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { PassThrough, Readable } from 'node:stream';
import { afterEach, expect, it } from 'vitest';
import { createBodyReader } from './body.ts';
import { serveHttp } from './http.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

it('a body that would exceed the memory for all ends the one that has been coming longest', async () => {
  const hits: string[] = [];
  const readBody = createBodyReader({ maxBytes: 100, maxTotal: 150, onTotal: () => hits.push('total') });
  const begun = Promise.withResolvers<null>();
  const server = await serveHttp({
    at: { host: '127.0.0.1', port: 0 },
    handle: async (incoming, response) => {
      incoming.once('data', () => begun.resolve(null));
      const body = await readBody(incoming);
      response.end(body === 'too large' ? body : `got ${body.length}`);
    },
  });
  closers.push(() => server.close(0));
  const post = (body: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const sent = request({ host: '127.0.0.1', port: server.port, method: 'POST', agent: false }, (response) => {
        response.on('data', (chunk: Buffer) => resolve(chunk.toString()));
      });
      sent.on('error', reject).end(body);
    });
  const slow = connect(server.port, '127.0.0.1').on('error', () => {});
  slow.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n${'a'.repeat(90)}`);
  await begun.promise;
  expect(await post('b'.repeat(60))).toBe('got 60');
  expect(slow.destroyed).toBe(false);
  const closed = once(slow, 'close');
  expect(await post('b'.repeat(61))).toBe('got 61');
  await closed;
  expect(hits).toEqual(['total']);
  expect(await post('b'.repeat(100))).toBe('got 100');
  expect(await post('b'.repeat(101))).toBe('too large');
});

it('gives out one of several complete bodies in each turn of the event loop', async () => {
  const readBody = createBodyReader({ maxBytes: 100, maxTotal: 1000, onTotal: () => {} });
  const complete = Array.from(
    { length: 5 },
    () => Object.assign(Readable.from([Buffer.from('x')]), { socket: new PassThrough() }) as unknown as IncomingMessage,
  );
  let turn = 0;
  const count = (): void => {
    turn += 1;
    if (turn < 1000) setImmediate(count);
  };
  setImmediate(count);
  const turns = await Promise.all(
    complete.map(async (request) => {
      await readBody(request);
      return turn;
    }),
  );
  turn = 1000;
  expect(new Set(turns).size).toBe(5);
});

it('ends a request that waits for its turn when the memory is needed', async () => {
  const hits: string[] = [];
  const readBody = createBodyReader({ maxBytes: 100, maxTotal: 150, onTotal: () => hits.push('total') });
  const [first, second] = [0, 1].map(
    () => Object.assign(Readable.from([Buffer.alloc(80)]), { socket: new PassThrough() }) as unknown as IncomingMessage,
  );
  if (!first || !second) throw new Error('two requests');
  const outcomes = await Promise.allSettled([readBody(first), readBody(second)]);
  expect([outcomes.map(({ status }) => status), hits, first.socket.destroyed, second.socket.destroyed]).toEqual([
    ['rejected', 'fulfilled'],
    ['total'],
    true,
    false,
  ]);
});
