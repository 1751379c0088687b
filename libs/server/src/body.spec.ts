import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:net';
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
  const post = (body: string): Promise<string> => new Promise((resolve, reject) => {
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
