import type { IncomingMessage, ServerResponse } from 'node:http';
import { serveHttp, type GuardOptions, type HttpServer } from '@flotilla/server';

export interface Page {
  readonly text: string;
  readonly contentType: string;
}
export interface MonitoringOptions extends GuardOptions {
  readonly address: string;
  readonly port: number;
  /** Why the process is not ready; empty when it is. */
  notReady(): readonly string[];
  /** What is worth knowing beside it, a line each. */
  details?(): readonly string[];
  metrics(): Promise<Page>;
  /** More pages by path, as they are at each request. */
  pages(): Readonly<Record<string, () => Page>>;
}

/** Health on /healthz/live, /healthz/ready and /ready, Prometheus on /metrics (Istio's monitoring port, 15014). */
export function serveMonitoring({
  address,
  port,
  notReady,
  details = () => [],
  metrics,
  pages: pagesNow,
  ...options
}: MonitoringOptions): Promise<HttpServer> {
  /** Requests that come while the metrics are gathered get the same page. */
  let gathering: Promise<Page> | undefined;
  const gather = (): Promise<Page> => (gathering ??= metrics().finally(() => (gathering = undefined)));
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = (request.url ?? '').split('?')[0] ?? '';
    const answer = (status: number, { text, contentType }: Page): void =>
      void response.writeHead(status, { 'content-type': contentType }).end(text);
    const say = (status: number, text: string): void =>
      answer(status, { text: `${text}\n`, contentType: 'text/plain' });
    const sayWhetherReady = (): void => {
      const reasons = notReady();
      if (reasons.length === 0) say(200, ['ready', ...details()].join('\n'));
      else say(503, ['not ready', ...reasons, ...details()].join('\n'));
    };
    const pages = pagesNow();
    if (path === '/healthz/live') say(200, 'live');
    else if (path === '/healthz/ready' || path === '/ready') sayWhetherReady();
    else if (path === '/metrics')
      await gather().then(
        (page) => answer(200, page),
        () => say(500, 'metrics failed'),
      );
    else if (Object.hasOwn(pages, path)) answer(200, pages[path]?.() ?? { text: '', contentType: 'text/plain' });
    else say(404, 'not found');
  };
  return serveHttp({ ...options, at: { host: address, port }, handle });
}
