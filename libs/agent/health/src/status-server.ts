import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from '@flotilla/observability-port';
import { serveHttp, type GuardOptions, type HttpServer } from '@flotilla/server';
import { messageOf } from '@flotilla/std';
import { runAppProbe } from './app-probes.ts';
import type { AppProbe } from './app-probes.ts';
import { request } from './http.ts';
import { mergeMetrics } from './prometheus.ts';
import type { AppScrape } from './prometheus.ts';

export interface StatusServerOptions {
  readonly port: number;
  readonly address?: string;
  /** Why the proxy is not ready, or undefined. */
  unready(): Promise<string | undefined>;
  readonly podIp: string;
  readonly envoyStatsPort: number;
  readonly appProbes: ReadonlyMap<string, AppProbe>;
  readonly appScrape?: AppScrape;
  /** The agent's own metrics in Prometheus' format. */
  agentMetrics(): Promise<string>;
  /** Asked by POST /quitquitquit from this pod. */
  onQuit(): void;
  readonly guard?: GuardOptions;
  readonly log: Logger;
}

const scrapeTimeoutMs = 10_000;
const maxMetrics = 64 << 20;
const fromHere = /^(127\.|::1$|::ffff:127\.)/;
/** Headers that tell a scraper's wishes to whom it scrapes. */
const passed = ['accept', 'user-agent', 'x-prometheus-scrape-timeout-seconds'];

/** The agent's status port (15020): readiness, the application's probes, merged metrics, and the order to stop. */
export function createStatusServer(options: StatusServerOptions): Promise<HttpServer> {
  const { log } = options;
  let wasReady: boolean | undefined;
  const ready = async (response: ServerResponse): Promise<void> => {
    const reason = await options.unready().catch((thrown: unknown) => messageOf(thrown));
    if (wasReady !== (reason === undefined)) {
      wasReady = reason === undefined;
      if (wasReady) log.info('Envoy proxy is ready');
      else log.warn(`Envoy proxy is NOT ready: ${reason}`);
    }
    response.writeHead(reason === undefined ? 200 : 503).end();
  };
  const handle = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = (incoming.url ?? '/').split('?')[0] ?? '/';
    const probe = options.appProbes.get(path);
    if (path === '/healthz/ready') await ready(response);
    else if (path === '/stats/prometheus') await metrics(incoming, response, options);
    else if (probe) response.writeHead(await runAppProbe(probe, probeTarget(incoming, options.podIp))).end();
    else if (path === '/quitquitquit') {
      const local = fromHere.test(incoming.socket.remoteAddress ?? '');
      response
        .writeHead(!local ? 403 : incoming.method === 'POST' ? 200 : 405)
        .end(local && incoming.method === 'POST' ? 'OK' : '');
      if (local && incoming.method === 'POST') options.onQuit();
    } else response.writeHead(404).end();
  };
  return serveHttp({
    ...options.guard,
    at: { port: options.port, ...(options.address === undefined ? {} : { host: options.address }) },
    handle: (incoming, response) => {
      incoming.resume();
      return handle(incoming, response);
    },
  });
}

const probeTarget = (incoming: IncomingMessage, podIp: string) => ({
  podIp,
  // Linux routes all of 127.0.0.0/8 to lo; the rules exempt this address from redirection.
  ...(podIp.includes(':') ? {} : { localAddress: '127.0.0.6' }),
  headers: Object.fromEntries(
    Object.entries(incoming.headers).filter(
      ([name, value]) =>
        typeof value === 'string' && !['host', 'connection', 'content-length', 'transfer-encoding'].includes(name),
    ),
  ) as Record<string, string>,
});

/** Envoy's, the application's and the agent's metrics as one text; whatever can't be had is left out. */
async function metrics(
  incoming: IncomingMessage,
  response: ServerResponse,
  options: StatusServerOptions,
): Promise<void> {
  const headers = Object.fromEntries(
    passed.flatMap((name) => (typeof incoming.headers[name] === 'string' ? [[name, incoming.headers[name]]] : [])),
  );
  const scrape = async (name: string, port: number, path: string): Promise<{ text: string; contentType?: string }> => {
    try {
      const {
        status,
        body,
        headers: answered,
      } = await request({ host: 'localhost', port, path, headers, timeoutMs: scrapeTimeoutMs, maxBytes: maxMetrics });
      if (status === 200)
        return {
          text: body.toString('utf8'),
          ...(answered['content-type'] ? { contentType: answered['content-type'] } : {}),
        };
      options.log.warn(`failed scraping ${name} metrics`, { status });
    } catch (thrown) {
      options.log.warn(`failed scraping ${name} metrics`, { error: messageOf(thrown) });
    }
    return { text: '' };
  };
  const [agent, envoy, app] = await Promise.all([
    options.agentMetrics().catch(() => ''),
    scrape('envoy', options.envoyStatsPort, '/stats/prometheus'),
    options.appScrape ? scrape('application', options.appScrape.port, options.appScrape.path) : { text: '' },
  ]);
  const contentType =
    'contentType' in app && app.contentType?.startsWith('application/openmetrics-text')
      ? app.contentType
      : 'text/plain; version=0.0.4; charset=utf-8';
  const end = contentType.startsWith('application/openmetrics-text') ? '# EOF\n' : '';
  response.writeHead(200, { 'content-type': contentType }).end(mergeMetrics([agent, envoy.text, app.text]) + end);
}
