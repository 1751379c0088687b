import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { text as textOf } from 'node:stream/consumers';
import { jsonAnswer, textAnswer, type Pages } from '@flotilla/observability-port';
import { afterEach, describe, expect, it } from 'vitest';
import { isLoopback } from './loopback.ts';
import { serveMonitoring } from './monitoring.ts';

const pages: Pages = {
  '/debug/echo': {
    summary: 'what <was> asked',
    answer: ({ query, wantsJson }) => jsonAnswer({ name: query.get('name'), wantsJson }),
  },
  '/debug/secret': {
    summary: 'for neighbours',
    guard: ({ address, token }) =>
      Promise.resolve(token === 'good' ? undefined : textAnswer([`not for ${address} with ${token}`], 401)),
    answer: () => textAnswer(['for you']),
  },
  '/debug/broken': { summary: 'fails', answer: () => Promise.reject(new Error('no such thing')) },
};
const close: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of close.splice(0)) await end();
});

async function serve(address = '127.0.0.1') {
  let count = 0;
  const server = await serveMonitoring({
    name: 'pilot',
    address,
    port: 0,
    notReady: () => [],
    metrics: () => {
      count += 1;
      return Promise.resolve({ contentType: 'text/plain', text: 'metrics' });
    },
    pages: () => pages,
  });
  close.push(() => server.close());
  const get = async (path: string, { host = '127.0.0.1', ...headers }: Readonly<Record<string, string>> = {}) => {
    const response = await fetch(`http://${host}:${server.port}${path}`, { headers });
    return { status: response.status, text: await response.text() };
  };
  const { port } = server;
  return { get, port, url: `http://127.0.0.1:${port}`, gathered: () => count };
}

describe('the monitoring port', () => {
  it('lists its pages for people at a terminal and in a browser', async () => {
    const { get } = await serve();
    const { text } = await get('/');
    expect(text).toContain('  /debug/echo     what <was> asked\n');
    expect(text).toContain('  /metrics ');
    expect((await get('/', { accept: 'text/html' })).text).toContain(
      '<tr><td><a href="/debug/echo">/debug/echo</a></td><td>what &lt;was&gt; asked</td></tr>',
    );
  });

  it('passes requests to pages, and answers unknown paths with where to find them', async () => {
    const { get } = await serve();
    expect(JSON.parse((await get('/debug/echo?name=a%20b')).text)).toEqual({ name: 'a b', wantsJson: false });
    expect(JSON.parse((await get('/debug/echo?json')).text)).toEqual({ name: null, wantsJson: true });
    expect(JSON.parse((await get('/debug/echo', { accept: 'application/json' })).text)).toEqual({
      name: null,
      wantsJson: true,
    });
    expect(await get('/debug/odd')).toEqual({ status: 404, text: 'not found: / lists all pages\n' });
    expect((await get('/__proto__')).status).toBe(404);
  });

  it('answers only GET and HEAD, and ends the connection of a request with a body', async () => {
    const { url } = await serve();
    const body = 'a'.repeat(100_000);
    const ask = async (init: RequestInit) => {
      const { status, headers } = await fetch(`${url}/metrics`, init);
      return { status, allow: headers.get('allow'), closes: headers.get('connection') === 'close' };
    };
    expect(await ask({ method: 'HEAD' })).toMatchObject({ status: 200, allow: null });
    expect(await ask({ method: 'DELETE' })).toEqual({ status: 405, allow: 'GET, HEAD', closes: false });
    expect(await ask({ method: 'POST', body })).toEqual({ status: 405, allow: 'GET, HEAD', closes: true });
  });

  it('gathers the metrics once for requests that arrive together', async () => {
    const { port, gathered } = await serve();
    const socket = connect(port, '127.0.0.1');
    const request = (connection: string): string =>
      `GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: ${connection}\r\n\r\n`;
    socket.write(request('keep-alive').repeat(9) + request('close'));
    expect((await textOf(socket)).split('HTTP/1.1 200 OK')).toHaveLength(11);
    expect(gathered()).toBe(1);
  });

  it('answers when a page fails', async () => {
    const { get } = await serve();
    expect(await get('/debug/broken')).toEqual({
      status: 500,
      text: 'the page could not be generated: no such thing\n',
    });
  });

  it('serves guarded pages to neighbours, and to those whom the guard admits', async (context) => {
    const outside = Object.values(networkInterfaces())
      .flatMap((addresses) => addresses ?? [])
      .find(({ internal, family }) => !internal && family === 'IPv4')?.address;
    if (outside === undefined) return context.skip('this machine has no address but loopback ones');
    const { get } = await serve('0.0.0.0');
    expect((await get('/debug/secret')).text).toBe('for you\n');
    const stranger = {
      host: outside,
      'x-forwarded-for': '127.0.0.1',
      'x-real-ip': '127.0.0.1',
      forwarded: 'for=127.0.0.1',
    };
    const refused = { status: 401, text: `not for ${outside} with undefined\n` };
    expect(await get('/debug/secret', { host: outside })).toEqual(refused);
    expect(await get('/debug/secret', stranger)).toEqual(refused);
    expect((await get('/debug/secret', { ...stranger, authorization: 'Bearer bad' })).status).toBe(401);
    expect((await get('/debug/secret', { ...stranger, authorization: 'Basic good' })).status).toBe(401);
    expect((await get('/debug/secret', { ...stranger, authorization: 'bearer good' })).text).toBe('for you\n');
    expect((await get('/debug/echo', { host: outside })).status).toBe(200);
  });

  it.each([
    ['127.0.0.1', true],
    ['127.3.2.1', true],
    ['::ffff:127.0.0.1', true],
    ['::1', true],
    ['', false],
    ['10.0.0.1', false],
    ['::ffff:10.0.0.1', false],
    ['127.evil', false],
    ['fe80::1', false],
  ])('takes %s for a loopback address: %s', (address, expected) => {
    expect(isLoopback(address)).toBe(expected);
  });
});
