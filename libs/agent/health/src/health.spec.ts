import { createServer } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { noObservability } from '@flotilla/observability-port';
import {
  createStatusServer,
  mergeMetrics,
  parseAppProbes,
  parseAppScrape,
  parseEnvoyState,
  request,
  unreadiness,
} from './index.ts';
import { createScrapes } from './scrapes.ts';
import type { StatusServerOptions } from './index.ts';

const stats = (more = ''): string =>
  `cluster_manager.cds.update_success: 1\nlistener_manager.lds.update_success: 2\nlistener_manager.workers_started: 1\nserver.state: 0\n${more}`;

describe('readiness', () => {
  it('needs configuration, a live server and workers', () => {
    expect(unreadiness(parseEnvoyState(stats()))).toBeUndefined();
    expect(unreadiness(parseEnvoyState(''))).toBe(
      'config not received from XDS server (is Istiod running?): cds updates: 0 successful, 0 rejected; lds updates: 0 successful, 0 rejected',
    );
    expect(unreadiness(parseEnvoyState(stats().replace('state: 0', 'state: 1')))).toBe(
      'server is not live, current state is: DRAINING',
    );
    expect(unreadiness(parseEnvoyState(stats().replace('started: 1', 'started: 0')))).toBe(
      'workers have not yet started',
    );
  });
});

describe('the status port', () => {
  const closers: (() => unknown)[] = [];
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });
  const serve = async (answer: (path: string) => [number, string]): Promise<number> => {
    const server = createServer((incoming, response) => {
      const [status, body] = answer(incoming.url ?? '');
      response.writeHead(status).end(body);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    closers.push(() => server.close());
    return (server.address() as AddressInfo).port;
  };
  const start = async (options: Partial<StatusServerOptions>) => {
    const server = await createStatusServer({
      port: 0,
      address: '127.0.0.1',
      unready: () => Promise.resolve(undefined),
      podIp: '127.0.0.1',
      envoyStatsPort: 1,
      appProbes: new Map(),
      agentMetrics: () => Promise.resolve('agent 1\n'),
      onQuit: () => {},
      log: noObservability.log,
      ...options,
    });
    closers.push(() => server.close());
    return (path: string, method = 'GET') =>
      request({ host: '127.0.0.1', port: server.port, path, method, timeoutMs: 2000, maxBytes: 1 << 20 });
  };

  it('reports readiness', async () => {
    const reasons = ['not yet', undefined];
    const ask = await start({ unready: () => Promise.resolve(reasons.shift()) });
    expect([(await ask('/healthz/ready')).status, (await ask('/healthz/ready')).status]).toEqual([503, 200]);
  });
  it('runs the probes of the application', async () => {
    const port = await serve((path) => (path === '/live' ? [200, ''] : [418, '']));
    const probes = parseAppProbes(
      JSON.stringify({
        '/app-health/app/livez': { httpGet: { path: '/live', port } },
        '/app-health/app/readyz': { httpGet: { path: 'x', port } },
        '/app-health/app/startupz': { tcpSocket: { port } },
      }),
    );
    const ask = await start({ appProbes: probes.ok ? probes.value : new Map() });
    expect([
      (await ask('/app-health/app/livez')).status,
      (await ask('/app-health/app/readyz')).status,
      (await ask('/app-health/app/startupz')).status,
      (await ask('/app-health/other/livez')).status,
    ]).toEqual([200, 418, 200, 404]);
  });
  it('merges metrics of agent, Envoy and application', async () => {
    const envoyStatsPort = await serve(() => [200, 'envoy 1']);
    const port = await serve((path) => (path === '/custom' ? [200, 'app 1\n# EOF\n'] : [404, '']));
    const ask = await start({ envoyStatsPort, appScrape: { port, path: '/custom' } });
    expect((await ask('/stats/prometheus')).body.toString()).toBe('agent 1\nenvoy 1\napp 1\n');
  });
  it('asks the application once for scrapers with the same wishes that come meanwhile', async () => {
    const answers: (() => void)[] = [];
    const agentMetrics = (): Promise<string> => new Promise((resolve) => answers.push(() => resolve('agent 1\n')));
    const scrape = createScrapes({ envoyStatsPort: 1, agentMetrics, log: noObservability.log });
    const wishes = [{}, {}, { accept: 'text/plain' }, { accept: 'text/plain', cookie: 'a=b' }];
    const scraped = wishes.map((headers) => scrape(headers));
    for (const expected of [1, 2]) {
      await expect.poll(() => answers.length).toBe(expected);
      answers.at(-1)?.();
      await scraped[2 * (expected - 1)];
    }
    expect(new Set((await Promise.all(scraped)).map(({ text }) => text))).toEqual(new Set(['agent 1\n']));
    expect(answers).toHaveLength(2);
  });
  it('ends a gRPC probe of an application that sends without end', async () => {
    const endless = createHttp2Server();
    const closed = new Promise<void>((resolve) =>
      endless.on('stream', (stream) => {
        stream.on('error', () => {});
        stream.once('close', () => resolve());
        stream.respond({ ':status': 200 });
        const send = (): void => {
          while (!stream.destroyed && stream.write(Buffer.alloc(16_384)));
          stream.once('drain', send);
        };
        send();
      }),
    );
    await once(endless.listen(0, '127.0.0.1'), 'listening');
    closers.push(() => endless.close());
    const { port } = endless.address() as AddressInfo;
    const probe = { grpc: { port }, timeoutSeconds: 3600 };
    const ask = await start({ appProbes: new Map([['/app-health/app/livez', probe]]) });
    expect((await ask('/app-health/app/livez')).status).toBe(500);
    await closed;
  });
  it('stops the agent on a local POST only', async () => {
    let quits = 0;
    const ask = await start({ onQuit: () => quits++ });
    expect([(await ask('/quitquitquit')).status, (await ask('/quitquitquit', 'POST')).status, quits]).toEqual([
      405, 200, 1,
    ]);
  });
});

it('probes and annotations of any text are read without throwing', () =>
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
      parseAppProbes(text);
      parseAppScrape(text, 15020);
      parseEnvoyState(text);
      mergeMetrics([text]);
    }),
  ));
it('the agent does not scrape itself', () => {
  expect(parseAppScrape('{"scrape":"true","path":"","port":"15020"}', 15020)).toEqual({ ok: true, value: undefined });
  expect(parseAppScrape('{"scrape":"true","path":"m","port":"8080"}', 15020)).toEqual({
    ok: true,
    value: { port: 8080, path: '/m' },
  });
});
