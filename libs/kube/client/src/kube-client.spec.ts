import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { resources, type KubeApi, type WatchEvent } from '@flotilla/kube-port';
import { createKubeClient, type KubeClientOptions } from './kube-client.ts';

const hasWatch = (url = ''): boolean => new URL(url, 'http://x').searchParams.has('watch');
const list = (...items: readonly object[]): string =>
  JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMapList', metadata: { resourceVersion: '1' }, items });

describe('a client of an API server that misbehaves', () => {
  let server: Server;
  const stop = new AbortController();
  afterEach(() => {
    stop.abort();
    server.closeAllConnections();
    server.close();
  });

  async function serve(answer: RequestListener, options: Partial<KubeClientOptions> = {}): Promise<KubeApi> {
    server = createServer(answer).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const connection = {
      server: new URL(`http://127.0.0.1:${port}`),
      freshAgent: undefined,
      options: () => Promise.resolve({}),
    };
    return createKubeClient({ connection, firstPauseMs: 1, mostPauseMs: 1, ...options });
  }
  async function until(api: KubeApi, isWanted: (event: WatchEvent) => boolean): Promise<WatchEvent | undefined> {
    for await (const events of api.watch(resources.configMaps, {}, stop.signal)) {
      const found = events.find(isWanted);
      if (found) return found;
    }
    return undefined;
  }

  it('gives up a watch that is refused in an answer without an end', async () => {
    const api = await serve(
      (request, response) => {
        if (!hasWatch(request.url)) response.end(list());
        else response.writeHead(500).write('{');
      },
      { deadlineMs: 500 },
    );
    expect(await until(api, ({ type }) => type === 'away')).toMatchObject({
      reason: 'configmaps: no answer within 500 ms',
    });
  });
});
