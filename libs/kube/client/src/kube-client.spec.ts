import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { resources, type KubeApi, type WatchEvent } from '@flotilla/kube-port';
import { systemClock, type Clock } from '@flotilla/std';
import { createKubeClient, type KubeClientOptions } from './kube-client.ts';

const hasWatch = (url = ''): boolean => new URL(url, 'http://x').searchParams.has('watch');
const list = (...items: readonly object[]): string =>
  JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMapList', metadata: { resourceVersion: '1' }, items });

describe('a client of an API server that misbehaves', () => {
  let server: Server;
  let stop: AbortController;
  beforeEach(() => void (stop = new AbortController()));
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
  const object = (name: string, data: string): string =>
    `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"${name}","resourceVersion":"2"},"data":${data}}`;
  /** What the API server takes at most. */
  const deep = `${'{"a":['.repeat(4900)}"\\\\ud800"${']}'.repeat(4900)}`;

  it('reads the others of a list or a watch with an object that is nested too deeply', async () => {
    const api = await serve((request, response) => {
      if (hasWatch(request.url))
        for (const name of ['c', 'd']) response.write(`{"type":"ADDED","object":${object(name, deep)}}\n`);
      else
        response.end(
          `{"apiVersion":"v1","kind":"List","metadata":{"resourceVersion":"1"},"items":[${object('a', deep)},${object('b', '{"x":"y"}')}]}`,
        );
    });
    const found = new Map<string, unknown>();
    await until(api, (event) => {
      if (event.type === 'found') found.set(event.object.metadata.name, event.object['data']);
      return event.type === 'away' || found.has('d');
    });
    const tooDeep = 'a value that is nested more than 200 levels deep';
    expect(Object.fromEntries(found)).toEqual({ a: tooDeep, b: { x: 'y' }, c: tooDeep, d: tooDeep });
  });

  it('reads fewer objects at a time when they are many small values', async () => {
    const many = object('a', `[${'0,'.repeat(700_000)}0]`);
    const asked: number[] = [];
    const api = await serve(
      (request, response) => {
        if (hasWatch(request.url)) return;
        const limit = Number(new URL(request.url ?? '', 'http://x').searchParams.get('limit'));
        asked.push(limit);
        response.end(
          `{"apiVersion":"v1","kind":"List","metadata":{"resourceVersion":"1"},"items":[${Array<string>(limit).fill(many).join(',')}]}`,
        );
      },
      { pageSize: 8 },
    );
    expect(await until(api, ({ type }) => type === 'away' || type === 'synced')).toMatchObject({ type: 'synced' });
    expect(asked).toEqual([8, 4]);
  });

  it.each([
    ['the API server ends', { code: 500, message: 'etcd is away' }],
    ['has expired', { code: 410, message: 'too old' }],
  ])('tries a watch that %s as soon as it begins ever less often', async (_, status) => {
    const pauses: number[] = [];
    const clock: Clock = {
      ...systemClock,
      after: (ms, callback) => {
        if (ms < 1000) pauses.push(ms);
        return systemClock.after(ms, callback);
      },
    };
    const api = await serve(
      (request, response) =>
        response.end(hasWatch(request.url) ? `{"type":"ERROR","object":${JSON.stringify(status)}}\n` : list()),
      { clock, random: () => 1, firstPauseMs: 2, mostPauseMs: 16 },
    );
    await until(api, () => pauses.length >= 5);
    expect(pauses.slice(0, 5)).toEqual([2, 4, 8, 16, 16]);
  });

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
