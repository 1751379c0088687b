import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from '@flotilla/observability-port';
import { createAnswerWriter, serveHttp, type GuardOptions, type HttpServer } from '@flotilla/server';
import { messageOf } from '@flotilla/std';
import { runAppProbe } from './app-probes.ts';
import type { AppProbe } from './app-probes.ts';
import { createScrapes } from './scrapes.ts';
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

/** Of all metrics that scrapers have not taken yet. */
const maxAnswers = 128 << 20;
const fromHere = /^(127\.|::1$|::ffff:127\.)/;

/** The agent's status port (15020): readiness, the application's probes, merged metrics, and the order to stop. */
export function createStatusServer(options: StatusServerOptions): Promise<HttpServer> {
  const { log } = options;
  const scrape = createScrapes(options);
  const onTotal = (): void => options.guard?.onLimit?.('answer_memory');
  const writeAnswer = createAnswerWriter({ maxTotal: maxAnswers, onTotal });
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
    else if (path === '/stats/prometheus') {
      const { contentType, text } = await scrape(incoming.headers);
      writeAnswer(response.writeHead(200, { 'content-type': contentType }), text);
    } else if (probe) response.writeHead(await runAppProbe(probe, probeTarget(incoming, options.podIp))).end();
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
