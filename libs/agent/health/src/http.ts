import { request as requestPlainly, type IncomingHttpHeaders } from 'node:http';
import { request as requestSecurely } from 'node:https';

export interface RequestOptions {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Without verification: kubelet's probes have none either. */
  readonly tls?: boolean;
  readonly localAddress?: string;
  readonly timeoutMs: number;
  readonly maxBytes: number;
}
export interface Response {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** One request on a connection of its own. Rejects after `timeoutMs` and beyond `maxBytes`. */
export function request(options: RequestOptions): Promise<Response> {
  return new Promise((resolve, reject) => {
    const { host, port, path, method = 'GET', headers = {}, localAddress } = options;
    const sent = (options.tls ? requestSecurely : requestPlainly)(
      {
        host,
        port,
        path,
        method,
        headers,
        agent: false,
        ...(localAddress ? { localAddress } : {}),
        ...(options.tls ? { rejectUnauthorized: false } : {}),
        signal: AbortSignal.timeout(options.timeoutMs),
      },
      (response) => {
        const chunks: Buffer[] = [];
        let size = 0;
        response.on('data', (chunk: Buffer) => {
          size += chunk.length;
          if (size > options.maxBytes) sent.destroy(new Error(`answer is larger than ${options.maxBytes} bytes`));
          else chunks.push(chunk);
        });
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }),
        );
        response.on('error', reject);
      },
    );
    sent.on('error', reject);
    sent.end(options.body);
  });
}
