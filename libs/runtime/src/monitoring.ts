import { createServer, type Server } from 'node:http';
import { once } from 'node:events';

export interface Page { readonly text: string; readonly contentType: string }
export interface MonitoringOptions {
  readonly address: string;
  readonly port: number;
  ready(): boolean;
  metrics(): Promise<Page>;
  /** More pages by path, as they are at each request. */
  pages(): Readonly<Record<string, () => Page>>;
}

/** Health on /healthz/live, /healthz/ready and /ready, Prometheus on /metrics (Istio's monitoring port, 15014). */
export async function serveMonitoring(options: MonitoringOptions): Promise<Server> {
  const server = createServer((request, response) => {
    const path = (request.url ?? '').split('?')[0] ?? '';
    const answer = (status: number, { text, contentType }: Page): void => void response.writeHead(status, { 'content-type': contentType }).end(text);
    const say = (status: number, text: string): void => answer(status, { text: `${text}\n`, contentType: 'text/plain' });
    const pages = options.pages();
    if (path === '/healthz/live') say(200, 'live');
    else if (path === '/healthz/ready' || path === '/ready') say(options.ready() ? 200 : 503, options.ready() ? 'ready' : 'not ready');
    else if (path === '/metrics') options.metrics().then((page) => answer(200, page), () => say(500, 'metrics failed'));
    else if (Object.hasOwn(pages, path)) answer(200, pages[path]?.() ?? { text: '', contentType: 'text/plain' });
    else say(404, 'not found');
  });
  server.requestTimeout = 10_000;
  server.listen(options.port, options.address);
  await once(server, 'listening');
  return server;
}
