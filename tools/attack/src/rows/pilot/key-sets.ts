import { setTimeout as pause } from 'node:timers/promises';
import { newKeySet, startKeyServer, type KeyServer } from '@flotilla/testing/key-server';
import { expect, patience, table } from '../../attack.ts';
import { types } from '../../clients/ads.ts';
import type { Mesh } from '../../mesh/attacked-mesh.ts';

const policy = (name: string, ...jwksUris: readonly string[]): string =>
  JSON.stringify({
    apiVersion: 'security.istio.io/v1beta1',
    kind: 'RequestAuthentication',
    metadata: { name, namespace: 'shop' },
    spec: { jwtRules: jwksUris.map((jwksUri, i) => ({ issuer: `https://${name}-${i}.test`, jwksUri })) },
  });

async function serve(
  mesh: Mesh,
  answer: Parameters<typeof startKeyServer>[0],
  options: Parameters<typeof startKeyServer>[1] = {},
): Promise<KeyServer> {
  const server = await startKeyServer(answer, options);
  mesh.onClose(() => server.close());
  return server;
}

/** Resolves with pilot's problems once they fit; throws when they do not in time. */
async function untilProblems(mesh: Mesh, expected: string, fits: (page: string) => boolean): Promise<void> {
  let page = '';
  for (const until = Date.now() + 20_000 * patience(); Date.now() < until; await pause(200)) {
    page = await mesh.page('pilot', '/debug/problems');
    if (fits(page)) return;
  }
  expect(expected, page, false);
}

/** A sidecar is sent keys that are there, whatever else is fetched. */
async function expectKeys(mesh: Mesh): Promise<void> {
  const healthy = await serve(mesh, (_, response) => void response.end(newKeySet('healthy')));
  mesh.write('healthy.json', policy('healthy', `${healthy.url}/keys`));
  const stream = await mesh.stream({ variant: 'sotw' });
  stream.send({ typeUrl: types.lds });
  const isHealthy = (value: Uint8Array | null | undefined): boolean =>
    Buffer.from(value ?? [])
      .toString('latin1')
      .includes('"kid":"healthy"');
  await stream.next(
    ({ kind, message }) => kind === 'sotw' && message.resources.some(({ value }) => isHealthy(value)),
    20_000,
  );
}

const metadata = 'http://169.254.169.254/latest/meta-data/iam/security-credentials/';
const spellings = [
  metadata,
  'http://2852039166/',
  'http://0251.0376.0251.0376/',
  'http://0xa9fea9fe/',
  'http://[::ffff:169.254.169.254]/',
  'http://[64:ff9b::a9fe:a9fe]/',
  'http://[fe80::1]/',
  'http://[fd00:ec2::254]/',
  'http://127.0.0.2:15014/metrics',
  'http://[::1]:15014/metrics',
  'http://0:15014/metrics',
];
const refused = 'the address of its host is refused';

/** Whoever writes RequestAuthentications decides where pilot fetches keys from. */
export const keySets = table({ service: 'pilot', kind: 'key sets' }, [
  {
    name: '200 key sets on a host that never answers',
    form: 'short',
    describe:
      'policies that name 200 key sets on a slow host: keys from another host arrive, proxies are served, few requests are open at once',
    run: async (mesh) => {
      let [open, most] = [0, 0];
      const slow = await serve(mesh, ({ socket }, response) => {
        open += 1;
        most = Math.max(most, open);
        socket.once('close', () => (open -= 1));
        response.write('{');
      });
      const urls = Array.from({ length: 200 }, (_, i) => `${slow.url}/${i}`);
      mesh.write('slow.json', policy('slow', ...urls));
      await slow.received(4);
      await expectKeys(mesh);
      expect('at most 4 requests of pilot at once at the slow host', most, most <= 4);
    },
  },
  {
    name: '40 hosts that DNS never answers for',
    describe: 'policies name key sets of 40 hosts, of which pilot never learns an address: keys of another host arrive',
    run: async (mesh) => {
      const urls = Array.from({ length: 40 }, (_, i) => `http://silent-${i}.test/keys`);
      for (const url of urls) mesh.hosts.set(new URL(url).hostname, () => 'silent');
      mesh.write('silent.json', policy('silent', ...urls));
      await untilProblems(mesh, 'a problem of a silent host', (page) => page.includes('silent-0.test'));
      await expectKeys(mesh);
    },
  },
  {
    name: 'a 100 MB answer',
    form: 'short',
    describe: 'a 100 MB key set, and an endless one: pilot stops reading and reports it, and its memory does not grow',
    bounds: { growthMb: 128 },
    run: async (mesh) => {
      let sent = 0;
      const server = await serve(mesh, ({ url }, response) => {
        response.writeHead(200, url === '/endless' ? {} : { 'content-length': String(100 << 20) });
        const more = (): void => {
          while (!response.destroyed && sent < 1 << 30 && response.write(Buffer.alloc(1 << 16, ' '))) sent += 1 << 16;
        };
        response.on('drain', more).on('error', () => {});
        more();
      });
      mesh.write('huge.json', policy('huge', `${server.url}/huge`, `${server.url}/endless`));
      await untilProblems(mesh, 'problems of both key sets', (page) => page.split('more than 262144 bytes').length > 2);
      await expectKeys(mesh);
      expect('at most a few megabytes sent, which socket buffers hold', sent, sent < 64 << 20);
    },
  },
  {
    name: 'addresses of metadata services and of this machine, in all spellings',
    form: 'short',
    describe: 'key sets at forbidden addresses: each is refused, and a problem says so',
    run: async (mesh) => {
      mesh.write('metadata.json', policy('metadata', ...spellings));
      await untilProblems(
        mesh,
        `${spellings.length} problems`,
        (page) => page.split(refused).length === spellings.length + 1,
      );
    },
  },
  {
    name: 'redirects to a metadata service, to this machine, and in a circle',
    describe: 'redirects to forbidden addresses: pilot does not follow them, and no request arrives there',
    run: async (mesh) => {
      const inner = await serve(mesh, (_, response) => void response.end(newKeySet('inner')), { host: '127.0.0.2' });
      const targets: Readonly<Record<string, string>> = {
        '/metadata': metadata,
        '/inner': inner.url,
        '/loop': '/loop',
      };
      const server = await serve(mesh, ({ url = '' }, response) => {
        response.writeHead(302, { location: targets[url] ?? '/' }).end();
      });
      mesh.write('redirects.json', policy('redirects', ...Object.keys(targets).map((path) => server.url + path)));
      await untilProblems(
        mesh,
        'problems of all three',
        (page) => page.split(refused).length === 3 && page.includes('more than 5 redirects'),
      );
      expect('no request at the refused server', inner.requests, inner.requests.length === 0);
    },
  },
  {
    name: 'a DNS name that resolves to another address each time',
    describe:
      'a name that resolves to an allowed and a forbidden address in turn: pilot never connects to the forbidden one',
    run: async (mesh) => {
      const server = await serve(mesh, (_, response) => void response.writeHead(500).end());
      const inner = await serve(mesh, (_, response) => void response.end(newKeySet('inner')), {
        host: '127.0.0.2',
        port: server.port,
      });
      let questions = 0;
      mesh.hosts.set(
        'rebinding.test',
        () => [['127.0.0.1'], ['127.0.0.2'], ['127.0.0.2', '127.0.0.1']][(questions += 1) % 3] ?? [],
      );
      const urls = Array.from({ length: 12 }, (_, i) => `http://rebinding.test:${server.port}/${i}`);
      mesh.write('rebinding.json', policy('rebinding', ...urls));
      await untilProblems(
        mesh,
        'fetches that failed at the allowed server, and some that were refused',
        (page) => page.includes('status 500') && page.includes(refused),
      );
      await server.received(4);
      expect('no request at the refused server', inner.requests, inner.requests.length === 0);
    },
  },
]);
