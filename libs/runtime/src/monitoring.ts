import type { IncomingMessage, ServerResponse } from 'node:http';
import { textAnswer, type PageAnswer, type PageGuard, type Pages } from '@flotilla/observability-port';
import { hasBody, serveHttp, type GuardOptions, type HttpServer } from '@flotilla/server';
import { messageOf, nextTurn } from '@flotilla/std';
import { isLoopback } from './loopback.ts';
import { listOfPages } from './page-list.ts';

export interface MonitoringOptions extends GuardOptions {
  /** The service's name. */
  readonly name: string;
  readonly address: string;
  readonly port: number;
  /** Why the process is not ready; empty when it is. */
  notReady(): readonly string[];
  /** Additional lines for /ready. */
  details?(): readonly string[];
  metrics(): Promise<PageAnswer>;
  /** More pages by path, as they are at each request. */
  pages(): Pages;
}

/**
 * The monitoring port (Istio's 15014): health on /healthz/live, /healthz/ready and /ready, Prometheus on /metrics, the
 * service's own pages, and a list of all of them on /.
 */
export function serveMonitoring(options: MonitoringOptions): Promise<HttpServer> {
  const { name, address, port, notReady, details = () => [], metrics, pages, ...server } = options;
  let gathering: Promise<PageAnswer> | undefined;
  /** Requests that arrive in one turn of the event loop, or while the metrics are gathered, get the same page. */
  const gather = (): Promise<PageAnswer> => {
    if (gathering) return gathering;
    const gathered = metrics();
    gathering = gathered;
    const forget = (): void => void nextTurn().then(() => (gathering = undefined));
    gathered.then(forget, forget);
    return gathered;
  };
  const readiness = (): PageAnswer => {
    const reasons = notReady();
    return reasons.length === 0
      ? textAnswer(['ready', ...details()])
      : textAnswer(['not ready', ...reasons, ...details()], 503);
  };
  const common: Pages = {
    '/healthz/live': { summary: 'whether the process works', answer: () => textAnswer(['live']) },
    '/healthz/ready': { summary: 'whether it serves, or what it waits for', answer: readiness },
    '/ready': { summary: 'the same as /healthz/ready', answer: readiness },
    '/metrics': { summary: 'metrics for Prometheus', answer: gather },
  };
  const all = (): Pages => ({ ...common, ...pages() });

  async function answer(request: IncomingMessage): Promise<PageAnswer> {
    if (!isReading(request)) return textAnswer(['only GET and HEAD are answered here'], 405);
    const { pathname, searchParams: query } = new URL(request.url ?? '/', 'http://localhost');
    const accept = request.headers.accept ?? '';
    if (pathname === '/') return listOfPages(name, all(), { isHtml: accept.includes('text/html') });
    const known = all();
    const page = Object.hasOwn(known, pathname) ? known[pathname] : undefined;
    if (!page) return textAnswer(['not found: / lists all pages'], 404);
    const refusal = page.guard && (await refusalOf(page.guard, request));
    if (refusal) return refusal;
    const wantsJson = query.has('json') || accept.includes('application/json');
    return page.answer({ query, wantsJson });
  }

  return serveHttp({
    ...server,
    at: { host: address, port },
    handle: async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
      const {
        status = 200,
        contentType,
        text,
      } = await answer(request).catch((thrown: unknown) =>
        textAnswer([`the page could not be generated: ${messageOf(thrown)}`], 500),
      );
      // RFC 9110, "401 Unauthorized".
      const challenge = status === 401 ? { 'www-authenticate': 'Bearer' } : {};
      const allow = status === 405 ? { allow: 'GET, HEAD' } : {};
      // No page takes a body, so that of a request is not read: the connection ends with the answer.
      const close = hasBody(request) ? { connection: 'close' } : {};
      response.writeHead(status, { 'content-type': contentType, ...challenge, ...allow, ...close }).end(text);
    },
  });
}

const isReading = ({ method }: IncomingMessage): boolean => method === 'GET' || method === 'HEAD';

/** What a caller gets instead of a guarded page; callers in the same pod pass, by the address of their connection. */
async function refusalOf(guard: PageGuard, { socket, headers }: IncomingMessage): Promise<PageAnswer | undefined> {
  const { remoteAddress: address = '' } = socket;
  if (isLoopback(address)) return undefined;
  return guard({ address, token: /^Bearer (.+)$/i.exec(headers.authorization ?? '')?.[1] });
}
