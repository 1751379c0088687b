import { Agent, request as httpRequest, type IncomingMessage, type RequestListener } from 'node:http';
import { Agent as TlsAgent, request as httpsRequest } from 'node:https';

export interface ContinuousLoad {
  readonly url: URL;
  readonly perSecond: number;
}
/** The results of the requests since the last reset. */
export interface Counts {
  readonly requests: number;
  /** Those that were not answered with a status below 400. */
  readonly failures: number;
  /** Answers by status; `error` counts requests without an answer. */
  readonly statuses: Readonly<Record<string, number>>;
  /** Answers by the `version` in their body. */
  readonly versions: Readonly<Record<string, number>>;
  /** The last 50 failures, with their times in epoch milliseconds. */
  readonly lastFailures: readonly { readonly at: number; readonly status: number; readonly error: string }[];
}
export interface Answer {
  /** 0 without an answer. */
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
  /** Why there is no answer. */
  readonly error?: string;
  readonly ms: number;
}
export interface Client {
  counts(): Counts;
  reset(): Counts;
  send(url: URL, options?: SendOptions): Promise<Answer>;
}
export interface SendOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const timeoutMs = 10_000;
const keptFailures = 50;
const emptyCounts = () => ({
  requests: 0,
  failures: 0,
  statuses: {} as Record<string, number>,
  versions: {} as Record<string, number>,
  lastFailures: [] as { at: number; status: number; error: string }[],
});

/**
 * Sends single requests, and a continuous load at an even rate that does not depend on the answers (an open loop).
 * Servers' certificates are not verified.
 */
export function createClient(load?: ContinuousLoad): Client {
  // A proxy that ends drains for 5 s, and announces that only in its answers: a connection that stays idle longer may
  // be reused just when it is closed.
  const timeout = 1000;
  const pooled = {
    http: new Agent({ keepAlive: true, maxSockets: 256, timeout }),
    https: new TlsAgent({ keepAlive: true, timeout }),
  };
  let counted = emptyCounts();
  const count = (at: number, { status, body, error = '' }: Answer): void => {
    counted.requests += 1;
    const name = status === 0 ? 'error' : String(status);
    counted.statuses[name] = (counted.statuses[name] ?? 0) + 1;
    const [, version] = /"version":\s*"([^"]*)"/.exec(body) ?? [];
    if (version !== undefined) counted.versions[version] = (counted.versions[version] ?? 0) + 1;
    if (status !== 0 && status < 400) return;
    counted.failures += 1;
    counted.lastFailures = [...counted.lastFailures, { at, status, error: error || body.slice(0, 200) }].slice(
      -keptFailures,
    );
  };
  if (load) {
    const began = performance.now();
    let sent = 0;
    setInterval(
      () => {
        for (const due = ((performance.now() - began) * load.perSecond) / 1000; sent < due; sent += 1) {
          const at = Date.now();
          void send(load.url, { agents: pooled }).then((answer) => count(at, answer));
        }
      },
      Math.max(1, 1000 / load.perSecond),
    );
  }
  return {
    counts: () => counted,
    reset() {
      const before = counted;
      counted = emptyCounts();
      return before;
    },
    send: (url, options = {}) => send(url, options),
  };
}

interface Sending extends SendOptions {
  readonly agents?: { readonly http: Agent; readonly https: TlsAgent };
}

/** One request; never rejects. */
function send(url: URL, { method = 'GET', headers = {}, agents }: Sending): Promise<Answer> {
  const began = performance.now();
  return new Promise((resolve) => {
    const end = (answer: Omit<Answer, 'ms'>): void => resolve({ ...answer, ms: Math.round(performance.now() - began) });
    const fail = (error: Error): void => end({ status: 0, headers: {}, body: '', error: error.message });
    const take = (response: IncomingMessage): void => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', fail);
      response.on('end', () =>
        end({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks).toString() }),
      );
    };
    const options = { method, headers, timeout: timeoutMs };
    // The server name (SNI) is that of the Host header.
    const { hostname } = new URL(`https://${headers['host'] ?? url.host}`);
    const sent =
      url.protocol === 'https:'
        ? httpsRequest(
            url,
            { ...options, agent: agents?.https ?? false, rejectUnauthorized: false, servername: hostname },
            take,
          )
        : httpRequest(url, { ...options, agent: agents?.http ?? false }, take);
    sent.on('timeout', () => sent.destroy(new Error(`no answer within ${timeoutMs / 1000} s`)));
    sent.on('error', fail);
    sent.end();
  });
}

/** Answers on the client's port. */
export const clientHandler =
  (client: Client): RequestListener =>
  (incoming, outgoing) => {
    incoming.resume();
    const { pathname, searchParams } = new URL(incoming.url ?? '/', 'http://client');
    const answer = (status: number, value: unknown): void => {
      outgoing.writeHead(status, { 'content-type': 'application/json' });
      outgoing.end(`${JSON.stringify(value)}\n`);
    };
    const target = URL.parse(searchParams.get('url') ?? '');
    switch (`${incoming.method} ${pathname}`) {
      case 'GET /counts':
        return answer(200, client.counts());
      case 'POST /reset':
        return answer(200, client.reset());
      case 'GET /request': {
        if (!target) return answer(400, { error: 'url is missing or not valid' });
        const headers = Object.fromEntries(
          searchParams.getAll('header').map((line) => {
            const colon = line.indexOf(':');
            return [line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()];
          }),
        );
        void client
          .send(target, { method: searchParams.get('method') ?? 'GET', headers })
          .then((received) => answer(200, received));
        return;
      }
      default:
        return answer(404, { error: 'not found: use GET /counts, POST /reset or GET /request' });
    }
  };
