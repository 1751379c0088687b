import { Agent, createServer, request } from 'node:http';
import { peerIn } from './peer.ts';

interface Answer {
  readonly name: string;
  readonly version: string;
  readonly peer?: string;
  readonly status?: number;
  readonly upstreams?: readonly unknown[];
}
type Environment = Readonly<Record<string, string | undefined>>;

const timeoutMs = 5000;

/**
 * A service of the shop: calls its upstreams by their Service names, and answers with its own name, the identity of its
 * caller and the upstreams' answers. It does not depend on the mesh. Environment: NAME, VERSION, PORT, UPSTREAMS (URLs,
 * separated by commas).
 */
export function serveShop(env: Environment): void {
  const { NAME: name = 'shop', VERSION: version = 'v1', PORT: port = '8080', UPSTREAMS: upstreams = '' } = env;
  const urls = upstreams.split(',').filter((url) => url !== '');
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  // The proxy beside it decides how long a connection stays idle: a connection that is closed here just when the proxy
  // reuses it would end a request with 503 UC.
  createServer({ keepAliveTimeout: 0 }, (incoming, outgoing) => {
    incoming.resume();
    const peer = peerIn(incoming.headers);
    void Promise.all(urls.map((url) => call(url, agent))).then((answers) => {
      const worst = Math.max(200, ...answers.map(({ status = 200 }) => status));
      outgoing.writeHead(worst, { 'content-type': 'application/json' });
      outgoing.end(
        JSON.stringify({
          name,
          version,
          ...(peer ? { peer } : {}),
          ...(answers.length > 0 ? { upstreams: answers } : {}),
        } satisfies Answer),
      );
    });
  }).listen(Number(port), '::', () => console.log(`${name} ${version} on port ${port}`));
}

const call = (url: string, agent: Agent): Promise<Answer> =>
  new Promise((resolve) => {
    const failed = (status: number): void => resolve({ name: new URL(url).hostname, version: '', status });
    const sent = request(url, { agent, timeout: timeoutMs }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', () => failed(502));
      response.on('end', () => {
        const status = response.statusCode ?? 502;
        if (status !== 200) return failed(status);
        resolve(JSON.parse(Buffer.concat(chunks).toString()) as Answer);
      });
    });
    sent.on('timeout', () => sent.destroy());
    sent.on('error', () => failed(502));
    sent.end();
  });
