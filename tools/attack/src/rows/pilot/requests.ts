import { status } from '@grpc/grpc-js';
import { expect, table, type Attack } from '../../attack.ts';
import { types, type AdsStream, type AdsOptions } from '../../clients/ads.ts';
import type { Mesh } from '../../mesh/attacked-mesh.ts';

type Row = Omit<Attack, 'service' | 'kind'>;
const names = (count: number, from = 0): string[] => Array.from({ length: count }, (_, i) => `n${from + i}`);

/** Sends requests at the pace at which they are taken, until all are sent, the stream ends or 10 s are over. */
async function flood(
  stream: AdsStream,
  count: number,
  request: (i: number) => Parameters<AdsStream['send']>[0],
): Promise<void> {
  const until = Date.now() + 10_000;
  for (let i = 0; i < count && stream.ended === undefined && Date.now() < until; i += 1)
    if (!stream.send(request(i))) await new Promise((resolve) => setTimeout(resolve, 2));
}
/** The stream still answers, or was ended with a reason. */
async function answersOrEnds(stream: AdsStream): Promise<void> {
  if (stream.ended === undefined) stream.send({ typeUrl: types.cds });
  await stream
    .next(({ message }) => message.typeUrl === types.cds, 10_000)
    .catch((error: { code?: number; message: string }) => {
      const fine = [
        status.RESOURCE_EXHAUSTED,
        status.INVALID_ARGUMENT,
        status.PERMISSION_DENIED,
        status.UNAVAILABLE,
        status.CANCELLED,
        status.INTERNAL,
      ];
      expect(
        'an answer, or the end with a reason',
        error.message,
        error.code !== undefined && fine.includes(error.code),
      );
    });
}
const flooded = (
  name: string,
  describe: string,
  {
    count,
    request,
    first,
    options,
    form,
  }: {
    readonly count: number;
    readonly request: (i: number) => Parameters<AdsStream['send']>[0];
    readonly first?: Parameters<AdsStream['send']>[0];
    readonly options?: Partial<AdsOptions>;
    readonly form?: Attack['form'];
  },
): Row => ({
  name,
  describe,
  ...(form ? { form } : {}),
  run: async (mesh) => {
    const stream = await mesh.stream(options);
    if (first) stream.send(first);
    await flood(stream, count, request);
    await answersOrEnds(stream);
  },
});
const refusedWith = (
  codes: readonly status[],
  name: string,
  {
    describe,
    send,
    options,
  }: {
    readonly describe: string;
    readonly send: (stream: AdsStream, mesh: Mesh) => void;
    readonly options?: Partial<AdsOptions>;
  },
): Row => ({
  name,
  describe,
  run: async (mesh) => {
    const stream = await mesh.stream(options);
    send(stream, mesh);
    const ended = await stream.end(10_000);
    expect(
      `the end with ${codes.map((code) => status[code]).join(' or ')}`,
      ended === 'ended' ? ended : `${status[ended.code]} ${ended.details}`,
      ended !== 'ended' && codes.includes(ended.code),
    );
    if (ended !== 'ended') mesh.answered(ended.details);
  },
});
const eds = types.eds;
const sotw = { variant: 'sotw' } as const;

/** Requests that any workload may send on 15012. */
export const requests = table({ service: 'pilot', kind: 'requests' }, [
  // ddf8edd: each request cost as much as the stream had names, 11 to 15 s without health.
  flooded(
    'many requests after many names',
    '18,000 names, then 1,500 requests that each add one: other proxies are served',
    {
      form: 'quick',
      first: { typeUrl: eds, resourceNamesSubscribe: names(18_000) },
      count: 1500,
      request: (i) => ({ typeUrl: eds, resourceNamesSubscribe: [`more${i}`] }),
    },
  ),
  flooded(
    'unsubscribing from unknown names',
    '18,000 names, then 1,500 requests that each unsubscribe from an unknown one: other proxies are served',
    {
      first: { typeUrl: eds, resourceNamesSubscribe: names(18_000) },
      count: 1500,
      request: (i) => ({ typeUrl: eds, resourceNamesUnsubscribe: [`none${i}`] }),
    },
  ),
  flooded('5,000 unknown types', '5,000 made-up type URLs: other proxies are served', {
    form: 'short',
    count: 5000,
    request: (i) => ({ typeUrl: `type.googleapis.com/made.up.Type${i}`, resourceNamesSubscribe: ['a'] }),
  }),
  flooded('5,000 unknown types, in SotW', '5,000 made-up type URLs: other proxies are served', {
    options: sotw,
    count: 5000,
    request: (i) => ({ typeUrl: `made.up/${i}`, resourceNames: ['a'] }),
  }),
  flooded(
    'names subscribed and unsubscribed one by one',
    '20,000 requests that subscribe to one name and unsubscribe from the one before: other proxies are served',
    {
      count: 20_000,
      request: (i) => ({ typeUrl: eds, resourceNamesSubscribe: [`n${i}`], resourceNamesUnsubscribe: [`n${i - 1}`] }),
    },
  ),
  flooded(
    'a list that grows by one',
    '2,000 SotW requests, each with one name more than the one before: other proxies are served',
    {
      options: sotw,
      count: 2000,
      request: (i) => ({ typeUrl: eds, resourceNames: names(i + 1) }),
    },
  ),
  flooded('the same name 400,000 times', 'one request that repeats one name: other proxies are served', {
    options: sotw,
    count: 1,
    request: () => ({ typeUrl: eds, resourceNames: Array.from({ length: 400_000 }, () => 'n') }),
  }),
  flooded(
    '50,000 stale nonces',
    'acknowledgements of responses that were never sent: ignored, other proxies are served',
    {
      count: 50_000,
      first: { typeUrl: types.cds },
      request: (i) => ({ typeUrl: types.cds, responseNonce: `x${i}` }),
    },
  ),
  flooded('20,000 rejections', 'rejections with a 1 kB message: other proxies are served, the log stays small', {
    count: 20_000,
    first: { typeUrl: types.cds },
    request: () => ({ typeUrl: types.cds, responseNonce: 'x', errorDetail: { code: 3, message: 'e'.repeat(1000) } }),
  }),
  flooded(
    'repeated wildcard subscriptions',
    '3,000 requests that subscribe to everything and unsubscribe from it: other proxies are served',
    {
      count: 3000,
      request: (i) =>
        i % 2 === 0
          ? { typeUrl: types.cds, resourceNamesSubscribe: ['*'] }
          : { typeUrl: types.cds, resourceNamesUnsubscribe: ['*'] },
    },
  ),
  flooded(
    'versions of 100,000 names',
    'a first request that claims to hold 100,000 versions: other proxies are served',
    {
      count: 1,
      request: () => ({
        typeUrl: eds,
        resourceNamesSubscribe: ['a'],
        initialResourceVersions: Object.fromEntries(names(100_000).map((name) => [name, 'v'])),
      }),
    },
  ),
  flooded('a 3 MB name', 'one very long name: answered or refused', {
    count: 1,
    request: () => ({ typeUrl: eds, resourceNamesSubscribe: ['n'.repeat(3_000_000)] }),
  }),
  flooded(
    'names of members of Object.prototype',
    '__proto__, constructor and toString as names and versions: answered',
    {
      count: 1,
      request: () => ({
        typeUrl: eds,
        resourceNamesSubscribe: ['__proto__', 'constructor', 'toString', 'hasOwnProperty'],
        initialResourceVersions: { ['__proto__']: 'v', constructor: 'v' },
      }),
    },
  ),
  refusedWith([status.RESOURCE_EXHAUSTED, status.INVALID_ARGUMENT], 'more names than a stream may have', {
    describe: '400,000 names in SotW: the stream ends with a reason',
    options: sotw,
    send: (stream) => void stream.send({ typeUrl: eds, resourceNames: names(400_000) }),
  }),
  refusedWith([status.RESOURCE_EXHAUSTED], 'a message over the limit', {
    describe: '20 MB in one message: RESOURCE_EXHAUSTED',
    send: (stream) => void stream.send({ typeUrl: eds, resourceNamesSubscribe: ['n'.repeat(20_000_000)] }),
  }),
]);

/** Bytes that are not the message they should be. */
export const malformed = table({ service: 'pilot', kind: 'protobuf' }, [
  ...(
    [
      ['a length beyond the end', Buffer.from([0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f])],
      ['a varint that never ends', Buffer.alloc(1000, 0xff)],
      ['a wire type that does not exist', Buffer.from([0x0f, 0x01, 0x02])],
      ['an end of a group that never began', Buffer.from([0x0c])],
      ['an HTTP/1.1 request', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
    ] as const
  ).map(([name, bytes]) =>
    refusedWith([status.INTERNAL, status.INVALID_ARGUMENT], name, {
      describe: `${name} in a request: the stream ends with a reason, other proxies are served`,
      send: (stream) => void stream.sendBytes(bytes),
    }),
  ),
  ...[50_000, 1_000_000].map((depth): Row => ({
    name: `${depth.toLocaleString('en')} nested groups`,
    describe: 'nested groups: refused, and the stack does not overflow',
    run: async (mesh) => {
      const stream = await mesh.stream();
      stream.sendBytes(Buffer.concat([Buffer.alloc(depth, 0x7b), Buffer.alloc(depth, 0x7c)]));
      await answersOrEnds(stream);
    },
  })),
  {
    name: 'metadata with 10,000 nested structs',
    describe: 'a node with deeply nested metadata: refused or answered, and the stack does not overflow',
    run: async (mesh) => {
      const stream = await mesh.stream();
      const nest = (inner: Buffer, number: number): Buffer =>
        Buffer.concat([Buffer.from([(number << 3) | 2]), length(inner.length), inner]);
      let value: Buffer = nest(Buffer.from('x'), 3);
      for (let i = 0; i < 10_000; i += 1)
        value = nest(nest(Buffer.concat([nest(Buffer.from('k'), 1), nest(value, 2)]), 1), 5);
      const node = Buffer.concat([
        nest(Buffer.from('sidecar~10.0.0.1~a.shop~shop'), 1),
        nest(nest(Buffer.concat([nest(Buffer.from('k'), 1), nest(value, 2)]), 1), 3),
      ]);
      stream.sendBytes(nest(node, 1));
      await answersOrEnds(stream);
    },
  },
]);
function length(size: number): Buffer {
  const bytes: number[] = [];
  let rest = size;
  for (; rest > 0x7f; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) + 0x80);
  return Buffer.from([...bytes, rest]);
}
