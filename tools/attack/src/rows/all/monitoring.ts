import { request } from 'node:http';
import { expect, services, type Attack, type Service } from '../../attack.ts';
import { many, tcp } from '../../clients/sockets.ts';
import type { Mesh } from '../../mesh/attacked-mesh.ts';

interface Reply {
  readonly status: number;
  readonly body: string;
}
interface Ask {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}
const ask = (mesh: Mesh, service: Service, { method = 'GET', path = '/', headers = {}, body }: Ask): Promise<Reply> =>
  new Promise((resolve) => {
    const { host, port } = mesh.monitoring(service);
    const sent = request(
      { host, port, method, path, headers, agent: false, signal: AbortSignal.timeout(8000) },
      (response) => {
        const chunks: Buffer[] = [];
        response
          .on('data', (chunk: Buffer) => chunks.push(chunk))
          .on('error', () => resolve({ status: 0, body: '' }))
          .on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') }));
      },
    );
    sent.on('error', () => resolve({ status: 0, body: '' })).end(body);
  });
const answers =
  (name: string, asked: Ask & { readonly isShort?: true }, statuses: readonly number[]) =>
  (service: Service): Attack => ({
    service,
    kind: 'monitoring',
    name: `${name}, at ${service}`,
    describe: `an unusual request: HTTP ${statuses.join(' or ')} (0: closed)`,
    ...(asked.isShort && service === 'pilot' ? { form: 'short' } : {}),
    run: async (mesh) => {
      const { status, body } = await ask(mesh, service, asked);
      mesh.answered(body);
      expect(`HTTP ${statuses.join(' or ')}`, `${status} ${body}`, statuses.includes(status));
    },
  });
const flood = (service: Service): Attack => ({
  service,
  kind: 'monitoring',
  name: `1,000 requests for metrics, at ${service}`,
  describe: 'scrapes as fast as possible: health checks keep passing, memory stays bounded',
  run: async (mesh) => {
    for (let i = 0; i < 20; i += 1)
      await Promise.all(Array.from({ length: 50 }, () => ask(mesh, service, { path: '/metrics' })));
  },
});
const unread = (service: Service): Attack => ({
  service,
  kind: 'monitoring',
  name: `100 scrapes that are not read, at ${service}`,
  describe: 'answers that are not read: memory stays bounded, health checks keep passing',
  run: async (mesh) => {
    const sockets = await many(100, () => tcp(mesh.monitoring(service)));
    mesh.onClose(() => sockets.forEach((socket) => socket.destroy()));
    for (const socket of sockets) socket.pause().write('GET /metrics HTTP/1.1\r\nhost: a\r\n\r\n'.repeat(50));
    await new Promise((resolve) => setTimeout(resolve, 2000));
  },
});
const kinds = [
  answers('a path with ../', { path: '/../../../../etc/passwd' }, [400, 404]),
  answers('a path with line breaks', { path: '/metrics%0d%0aset-cookie:%20a=b' }, [400, 404]),
  answers('a path with 60 kB', { path: `/${'a'.repeat(60_000)}` }, [0, 404, 414, 431]),
  answers('__proto__ as a path', { path: '/__proto__' }, [404]),
  answers('constructor as a page', { path: 'constructor' }, [400, 404]),
  answers("another page's query", { path: `/healthz/live?${'a=b&'.repeat(2000)}` }, [200, 0, 414]),
  answers(
    'a 50 MB body',
    { method: 'POST', path: '/metrics', body: Buffer.alloc(50_000_000), isShort: true },
    [0, 200, 404, 405, 413],
  ),
  answers(
    '3,000 headers',
    { path: '/healthz/live', headers: Object.fromEntries(Array.from({ length: 3000 }, (_, i) => [`x-${i}`, '1'])) },
    [0, 200, 431],
  ),
  answers('TRACE', { method: 'TRACE', path: '/metrics', headers: { cookie: 'a=b' } }, [0, 200, 400, 404, 405]),
];

/** What anybody may ask of a port that tells how a service is. In the monolith it is one port. */
export const monitoring: readonly Attack[] = services
  .filter((service) => service !== 'nats')
  .flatMap((service) =>
    [...kinds.map((kind) => kind(service)), flood(service), unread(service)].map((row): Attack =>
      service === 'pilot' ? row : { ...row, shapes: ['fleet'] },
    ),
  );
