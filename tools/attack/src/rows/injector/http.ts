import { expect, table, type Attack } from '../../attack.ts';
import { tls } from '../../clients/sockets.ts';
import { reviewOf, podOf, type PostOptions, type Reply } from '../../clients/webhook.ts';
import type { Mesh } from '../../mesh/attacked-mesh.ts';
import { forgery } from '../../suite/judge.ts';

type Row = Omit<Attack, 'service' | 'kind'>;
const good = reviewOf(podOf());
const sent = (mesh: Mesh, options: PostOptions, body = good): Promise<Reply> =>
  mesh.post(body, options).catch((error: NodeJS.ErrnoException) => ({ status: 0, body: error.code ?? error.message }));
const request = (name: string, options: PostOptions, statuses: readonly number[]): Row => ({
  name,
  describe: `an unusual request: HTTP ${statuses.map((status) => (status === 0 ? 'connection closed' : status)).join(' or ')}`,
  run: async (mesh) => {
    const { status, body } = await sent(mesh, options);
    expect(`HTTP ${statuses.join(' or ')}`, `${status} ${body}`, statuses.includes(status));
  },
});
/** A pod of many containers with probes, each of which is rewritten. */
const large = (count: number): string =>
  reviewOf(
    podOf({
      containers: Array.from({ length: count }, (_, i) => ({
        name: `c${i}`,
        image: 'app:1',
        readinessProbe: { httpGet: { port: 80, path: '/a/long/path/' } },
        livenessProbe: { httpGet: { port: 80 } },
      })),
    }),
  );
/** Writes bytes to the webhook's port over TLS and gives what comes back. */
async function raw(mesh: Mesh, bytes: string, limitMs = 3000): Promise<string> {
  const socket = await tls(mesh.place('webhook'), { alpn: ['http/1.1'] });
  mesh.onClose(() => socket.destroy());
  let text = '';
  socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
  socket.write(bytes);
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, limitMs);
    for (const event of ['close', 'end']) socket.once(event, () => (clearTimeout(timer), resolve()));
  });
  mesh.answered(text);
  return text;
}
const json = { 'content-type': 'application/json' };

/** HTTP that no API server sends. */
export const http = table({ service: 'sidecar-injector', kind: 'http' }, [
  request('GET', { method: 'GET', headers: json }, [400, 405, 200]),
  request('another path', { path: '/../../etc/passwd', headers: json }, [404, 400]),
  request('a path with 60 kB', { path: `/inject/cluster/${'a'.repeat(60_000)}`, headers: json }, [0, 414, 431]),
  request('a path with malformed percent escapes', { path: '/inject/cluster/%zz%', headers: json }, [400]),
  request('a path with 3,000 slashes', { path: `/inject/${'a/'.repeat(3000)}`, headers: json }, [200, 400, 404, 414]),
  request(
    'a variable named __proto__ in the path',
    { path: '/inject/__proto__/x/constructor/y', headers: json },
    [200, 400, 404],
  ),
  request('another content type', { headers: { 'content-type': 'text/html' } }, [415]),
  request('a header of 100 kB', { headers: { ...json, 'x-long': 'a'.repeat(100_000) } }, [0, 431]),
  request(
    '3,000 headers',
    { headers: { ...json, ...Object.fromEntries(Array.from({ length: 3000 }, (_, i) => [`x-${i}`, '1'])) } },
    [0, 431, 200],
  ),
  {
    name: 'two body lengths',
    describe:
      'Content-Length and Transfer-Encoding together: HTTP 400, so that a proxy in front cannot disagree about the length',
    run: async (mesh) => {
      const text = await raw(
        mesh,
        `POST /inject HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nGET /inject HTTP/1.1\r\n\r\n`,
      );
      expect('HTTP 400', text.slice(0, 100), text.startsWith('HTTP/1.1 400'));
    },
  },
  {
    name: 'bytes that are not HTTP',
    describe: 'random bytes within TLS: HTTP 400, or the connection is closed',
    run: async (mesh) => {
      const text = await raw(mesh, mesh.random.bytes(2000).toString('latin1'));
      expect('HTTP 400 or nothing', text.slice(0, 100), text === '' || text.startsWith('HTTP/1.1 400'));
    },
  },
  {
    name: '500 pipelined requests on one connection',
    describe: 'requests that do not wait for answers: answered in order, other requests are served',
    run: async (mesh) => void (await raw(mesh, 'GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n'.repeat(500))),
  },
  {
    name: 'a body with one byte per second',
    form: 'short',
    describe: 'a slow body: the connection is closed within 15 s, other requests are served meanwhile',
    deadlineMs: 25_000,
    run: async (mesh) => {
      const socket = await tls(mesh.place('webhook'), { alpn: ['http/1.1'] });
      mesh.onClose(() => socket.destroy());
      socket.write(
        'POST /inject HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 100000\r\n\r\n',
      );
      const began = Date.now();
      const timer = setInterval(() => socket.write(' '), 1000);
      await new Promise<void>((resolve) => {
        const late = setTimeout(resolve, 20_000);
        socket.resume().once('close', () => (clearTimeout(late), resolve()));
      });
      clearInterval(timer);
      const seconds = (Date.now() - began) / 1000;
      expect('the connection to end within 15 s', `${seconds.toFixed(1)} s`, seconds < 15);
    },
  },
  {
    // d08ab9e: all that were complete at once were answered in one go, 1.6 s without health and 10 s without a
    // certificate.
    name: '200 large pods at once',
    describe: 'pods with 1,000 containers, all at once: each is answered in turn, other requests are served',
    deadlineMs: 60_000,
    run: async (mesh) =>
      void (await Promise.allSettled(Array.from({ length: 200 }, () => mesh.post(large(1000), { timeoutMs: 30_000 })))),
  },
]);

/** What callers say ends up in logs. */
export const logs = table({ service: 'sidecar-injector', kind: 'log-injection' }, [
  {
    name: "a pod's name with line breaks",
    describe: 'a name that looks like a log line: one JSON object on each line of the log',
    run: async (mesh) =>
      void (await mesh.inject({ name: `a\n{"level":"info","service":"x","msg":"${forgery}"}\u001b[2J\u2028b` })),
  },
  {
    name: 'a kind with line breaks',
    describe: 'a review with a kind that looks like a log line: one JSON object on each line',
    run: async (mesh) => void (await mesh.post(JSON.stringify({ kind: `x\n${forgery}\r\n`, apiVersion: 'v1' }))),
  },
  {
    name: '300 refusals with 20 kB each',
    describe: '300 reviews that are refused with long messages: the log stays small',
    bounds: { logKb: 1024 },
    run: async (mesh) => {
      for (let i = 0; i < 12; i += 1)
        await Promise.all(
          Array.from({ length: 25 }, () =>
            sent(mesh, {}, JSON.stringify({ kind: 'x'.repeat(20_000), apiVersion: 'y'.repeat(1000) })),
          ),
        );
    },
  },
  {
    name: 'an annotation with control characters',
    describe: 'an invalid value that the answer quotes: printable and short',
    run: async (mesh) => {
      const { body } = await mesh.inject({
        annotations: { 'sidecar.istio.io/proxyCPU': `\u001b[31m${forgery}\n${'x'.repeat(50_000)}` },
      });
      expect('an answer below 16 kB', `${body.length} characters`, body.length < 16_384 || body.includes('"patch"'));
    },
  },
]);
