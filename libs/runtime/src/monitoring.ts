import { createServer, type Server } from 'node:http';
import { once } from 'node:events';

export interface MonitoringOptions {
  readonly address: string;
  readonly port: number;
  ready(): boolean;
  metrics(): Promise<{ readonly text: string; readonly contentType: string }>;
}

/** Health on /healthz/live, /healthz/ready and /ready, Prometheus on /metrics (Istio's monitoring port, 15014). */
export async function serveMonitoring(options: MonitoringOptions): Promise<Server> {
  const server = createServer((request, response) => {
    const path = (request.url ?? '').split('?')[0];
    const answer = (status: number, body: string, contentType = 'text/plain'): void => void response.writeHead(status, { 'content-type': contentType }).end(body);
    if (path === '/healthz/live') answer(200, 'live\n');
    else if (path === '/healthz/ready' || path === '/ready') answer(options.ready() ? 200 : 503, options.ready() ? 'ready\n' : 'not ready\n');
    else if (path === '/metrics') options.metrics().then(({ text, contentType }) => answer(200, text, contentType), () => answer(500, 'metrics failed\n'));
    else answer(404, 'not found\n');
  });
  server.requestTimeout = 10_000;
  server.listen(options.port, options.address);
  await once(server, 'listening');
  return server;
}
