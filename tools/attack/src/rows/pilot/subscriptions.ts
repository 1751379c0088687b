import { status } from '@grpc/grpc-js';
import { envoy } from '@flotilla/proto-gen/discovery';
import { struct } from '@flotilla/proto-gen/envoy';
import { expect, table, type Attack } from '../../attack.ts';
import { nodeOf, types, type AdsStream, type DeltaFields } from '../../clients/ads.ts';
import { many } from '../../clients/sockets.ts';
import type { Mesh } from '../../mesh/attacked-mesh.ts';

type Row = Omit<Attack, 'service' | 'kind'>;
const { DeltaDiscoveryRequest } = envoy.service.discovery.v3;
const lastsMs = 8000;

/** Sends requests on one stream as fast as they are read, for 8 s at most; then a sidecar must be served as before. */
const turns = (name: string, what: string, request: (i: number) => DeltaFields): Row => ({
  name,
  describe: `${what}: other proxies are served, memory stays bounded`,
  run: async (mesh) => {
    const stream = await mesh.stream();
    stream.send({ typeUrl: types.cds });
    const until = Date.now() + lastsMs;
    for (let i = 0; i < 30_000 && stream.ended === undefined && Date.now() < until; i += 1) {
      stream.responses.splice(0);
      if (!stream.send(request(i))) await new Promise((resolve) => setTimeout(resolve, 2));
    }
  },
});
/** A first request with this node, which must be answered, or refused as the client's fault. */
const node = (
  name: string,
  what: string,
  { count = 1, fields }: { readonly count?: number; readonly fields: () => envoy.config.core.v3.INode },
): Row => ({
  name,
  describe: `${what}: answered or refused, memory stays bounded`,
  deadlineMs: 45_000,
  run: async (mesh: Mesh) => {
    const streams = await many(
      count,
      async () => {
        const stream = await mesh.stream();
        stream.sendBytes(
          Buffer.from(
            DeltaDiscoveryRequest.encode({ node: { id: nodeOf('shop'), ...fields() }, typeUrl: types.cds }).finish(),
          ),
        );
        stream.sendBytes(Buffer.from(DeltaDiscoveryRequest.encode({ typeUrl: types.lds }).finish()));
        await stream.next(({ message }) => message.typeUrl === types.lds, 10_000).catch(() => {});
        return stream;
      },
      20,
    );
    expect('each stream answered, or refused as its own fault', ends(streams), streams.every(isFine));
    for (const stream of streams) if (stream.ended instanceof Error) mesh.answered(stream.ended.details);
  },
});
const refusals = [status.INVALID_ARGUMENT, status.RESOURCE_EXHAUSTED, status.PERMISSION_DENIED, status.INTERNAL];
const isFine = ({ responses, ended }: AdsStream): boolean =>
  responses.length > 0 || (ended !== undefined && ended !== 'ended' && refusals.includes(ended.code));
const ends = (streams: readonly AdsStream[]): string =>
  [
    ...new Set(streams.map(({ ended }) => (ended === undefined || ended === 'ended' ? String(ended) : ended.message))),
  ].join();
const nested = (levels: number): unknown => {
  let value: unknown = 'x';
  for (let i = 0; i < levels; i += 1) value = { a: value };
  return value;
};
const cluster = (i: number): string => `outbound|80||n-${i}.shop.svc.cluster.local`;

/** Streams that keep changing what they request, and nodes with unusual content. */
export const subscriptions = table({ service: 'pilot', kind: 'subscriptions' }, [
  turns('one name subscribed and unsubscribed', 'one name, in turn subscribed and unsubscribed', (i) =>
    i % 2 === 0
      ? { typeUrl: types.eds, resourceNamesSubscribe: ['outbound|80||catalog.test'] }
      : { typeUrl: types.eds, resourceNamesUnsubscribe: ['outbound|80||catalog.test'] },
  ),
  turns(
    'one name subscribed and unsubscribed in one request',
    'a request that subscribes to a name and unsubscribes from it',
    () => ({
      typeUrl: types.eds,
      resourceNamesSubscribe: ['outbound|80||catalog.test'],
      resourceNamesUnsubscribe: ['outbound|80||catalog.test'],
    }),
  ),
  turns('1,000 names subscribed and unsubscribed', 'many names, in turn subscribed and unsubscribed', (i) => {
    const names = Array.from({ length: 1000 }, (_, j) => cluster(j));
    return i % 2 === 0
      ? { typeUrl: types.eds, resourceNamesSubscribe: names }
      : { typeUrl: types.eds, resourceNamesUnsubscribe: names };
  }),
  turns('all listeners subscribed and unsubscribed', 'a whole type, in turn subscribed and unsubscribed', (i) =>
    i % 2 === 0
      ? { typeUrl: types.lds, resourceNamesSubscribe: ['*'] }
      : { typeUrl: types.lds, resourceNamesUnsubscribe: ['*'] },
  ),
  turns('versions in every request', 'a client that claims to hold 5,000 versions, in each request', (i) => ({
    typeUrl: types.eds,
    resourceNamesSubscribe: [cluster(i)],
    initialResourceVersions: Object.fromEntries(Array.from({ length: 5000 }, (_, j) => [cluster(j), 'v'.repeat(20)])),
  })),
  turns('rejections of what was never sent', '2 kB errors for unknown nonces', (i) => ({
    typeUrl: types.cds,
    responseNonce: `made-up-${i}`,
    errorDetail: { code: 3, message: `${i} ${'e'.repeat(2000)}` },
  })),
  turns('types with odd characters', 'type URLs that only begin like one that is served', (i) => ({
    typeUrl: `${types.eds}${['\0', '\u202e', '\r\n', '__proto__', '/../', '\ud83d\ude00'][i % 6]}${i}`,
    resourceNamesSubscribe: ['a'],
  })),
  turns('names with odd characters', 'malformed cluster names', (i) => ({
    typeUrl: types.eds,
    resourceNamesSubscribe: [
      [
        'outbound||||',
        '|||',
        `outbound|${'9'.repeat(400)}||a`,
        'outbound|80|__proto__|constructor',
        '\0',
        'outbound|-1||a',
        `outbound|80||${'.'.repeat(900)}`,
      ][i % 7] + String(i),
    ],
  })),
  turns('routes of ports that are not numbers', 'route names that look almost like ports', (i) => ({
    typeUrl: types.rds,
    resourceNamesSubscribe: [
      ['0', '-1', '65536', '1e3', '0x50', '80.0', ' 80', 'inbound|80||', `http.${i}`, `a:${i}`][i % 10] +
        (i % 3 === 0 ? '' : `-${i}`),
    ],
  })),
  node('20,000 addresses', 'a node with 20,000 addresses', {
    fields: () => ({
      metadata: struct({
        NAMESPACE: 'shop',
        INSTANCE_IPS: Array.from({ length: 20_000 }, (_, i) => `10.${i >> 8}.${i & 255}.1`).join(','),
      }),
    }),
  }),
  node('10 MB of metadata', 'a node with one 10 MB string', {
    fields: () => ({
      metadata: struct({ NAMESPACE: 'shop', A: 'x'.repeat(10_000_000) }),
    }),
  }),
  node('a PROXY_CONFIG with 90 levels', 'a nested proxy configuration', {
    fields: () => ({
      metadata: struct({ NAMESPACE: 'shop', PROXY_CONFIG: nested(40) }),
    }),
  }),
  node('a PROXY_CONFIG with 5,000 unknown fields', 'a proxy configuration that no version of Istio has', {
    fields: () => ({
      metadata: struct({
        NAMESPACE: 'shop',
        PROXY_CONFIG: {
          ...Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`k${i}`, i])),
          ['__proto__']: { a: 1 },
          constructor: 1,
        },
      }),
    }),
  }),
  node('labels that are not strings', 'labels that are lists, numbers and objects', {
    fields: () => ({
      metadata: struct({ NAMESPACE: 'shop', LABELS: { a: [1, [2]], b: { c: 1 }, d: 1e308, e: null, toString: 'x' } }),
    }),
  }),
  node('300 localities of 200 kB each', 'regions of the greatest length, on 300 streams', {
    count: 300,
    fields: () => ({
      locality: { region: `${Math.random()}${'r'.repeat(200_000)}` },
      metadata: struct({ NAMESPACE: 'shop' }),
    }),
  }),
  node('200 nodes with the same id', 'streams that all claim to be the same proxy', {
    count: 200,
    fields: () => ({ metadata: struct({ NAMESPACE: 'shop', LABELS: { n: String(Math.random()) } }) }),
  }),
  node('20,000 extensions', 'a node with 20,000 extensions', {
    fields: () => ({
      extensions: Array.from({ length: 20_000 }, (_, i) => ({ name: `e${i}` })),
      metadata: struct({ NAMESPACE: 'shop' }),
    }),
  }),
]);
