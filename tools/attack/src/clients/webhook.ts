import { request } from 'node:https';
import { patience } from '../attack.ts';

export interface Reply {
  readonly status: number;
  readonly body: string;
}
export interface WebhookPlace {
  readonly host: string;
  readonly port: number;
  readonly roots: string;
  readonly serverName: string;
}
export interface PostOptions {
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly method?: string;
  readonly timeoutMs?: number;
}

/** One request on a connection of its own. Rejects when it breaks off or takes too long. */
export function post(
  { host, port, roots, serverName }: WebhookPlace,
  body: string | Buffer,
  options: PostOptions = {},
): Promise<Reply> {
  const {
    path = '/inject',
    headers = { 'content-type': 'application/json' },
    method = 'POST',
    timeoutMs = 10_000,
  } = options;
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        host,
        port,
        servername: serverName,
        ca: roots,
        path,
        method,
        agent: false,
        signal: AbortSignal.timeout(timeoutMs * patience()),
        headers: { 'content-length': String(Buffer.byteLength(body)), ...headers },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', reject);
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') }),
        );
      },
    );
    sent.on('error', reject).end(body);
  });
}

interface Annotations {
  readonly [name: string]: string;
}
export interface PodOptions {
  readonly annotations?: Annotations;
  readonly labels?: Annotations;
  readonly name?: string;
  readonly containers?: readonly unknown[];
}

/** A pod with one container. */
export const podOf = ({
  annotations = {},
  labels = {},
  name = 'web',
  containers = [{ name: 'app', image: 'app:1' }],
}: PodOptions = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'shop', labels, annotations },
  spec: { containers },
});

/** An AdmissionReview about a pod as the API server sends it. */
export const reviewOf = (object: unknown): string =>
  JSON.stringify({
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: 'attack',
      kind: { group: '', version: 'v1', kind: 'Pod' },
      resource: { group: '', version: 'v1', resource: 'pods' },
      namespace: 'shop',
      operation: 'CREATE',
      object,
    },
  });
