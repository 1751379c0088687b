import { status } from '@grpc/grpc-js';
import { expect, table, type Attack } from '../../attack.ts';
import { AdsStream, nodeOf, types, type AdsOptions } from '../../clients/ads.ts';
import { many } from '../../clients/sockets.ts';
import type { Mesh } from '../../mesh/attacked-mesh.ts';
import { forgery } from '../../suite/judge.ts';

type Row = Omit<Attack, 'service' | 'kind'>;
const connect = (name: string, describe: string, options: Partial<AdsOptions>): Row => ({
  name,
  describe,
  run: async (mesh) => {
    const stream = await mesh.stream(options);
    stream.send({ typeUrl: types.cds });
    await stream
      .next(({ message }) => message.typeUrl === types.cds, 10_000)
      .catch((error: Error) => mesh.answered(error.message));
  },
});
const seriesOf = async (mesh: Mesh): Promise<number> =>
  (await mesh.page('pilot', '/metrics')).split('\n').filter((line) => line !== '' && !line.startsWith('#')).length;
/** Opens streams one after the other. Each is answered, rejects that, and asks for something else. */
async function visit(mesh: Mesh, count: number, options: (i: number) => Partial<AdsOptions>): Promise<void> {
  for (let i = 0; i < count; i += 25) {
    await Promise.all(
      Array.from({ length: Math.min(25, count - i) }, async (_, j) => {
        const stream = await mesh.stream(options(i + j));
        stream.send({ typeUrl: types.eds, resourceNamesSubscribe: ['x'] });
        const answer = await stream.next(() => true, 10_000).catch(() => undefined);
        if (answer) {
          const { nonce: responseNonce } = answer.message;
          stream.send({
            typeUrl: types.eds,
            responseNonce,
            errorDetail: { code: status.INVALID_ARGUMENT, message: 'no' },
          });
          stream.send({ typeUrl: types.rds, resourceNamesSubscribe: ['80'] });
          await stream.next(({ message }) => message.typeUrl === types.rds, 10_000).catch(() => {});
        }
        stream.close();
      }),
    );
  }
}

/** What a client says that it is. */
export const nodes = table({ service: 'pilot', kind: 'nodes' }, [
  connect('an empty id', 'no id: refused, with a reason', { nodeId: '' }),
  connect('a 1 MB id', 'a very long id: refused, and the log stays small', {
    nodeId: `sidecar~10.0.0.1~${'a'.repeat(1_000_000)}.shop~shop.svc.cluster.local`,
  }),
  connect('an id with 100,000 tildes', 'many parts: refused', { nodeId: '~'.repeat(100_000) }),
  connect('an id with line breaks', 'an id that looks like a log line: one JSON object on each line', {
    nodeId: `sidecar~10.0.0.1~a\n{"level":"info","service":"x","msg":"${forgery}"}\n.shop~shop`,
  }),
  connect('__proto__ as an id', '__proto__ as name and namespace: answered or refused', {
    nodeId: 'sidecar~10.0.0.1~__proto__.__proto__~__proto__',
  }),
  connect('labels named __proto__', 'metadata with keys of Object.prototype: answered', {
    metadata: { NAMESPACE: 'shop', ['__proto__']: 'x', constructor: 'y', toString: 'z' },
  }),
  connect('metadata with 20,000 keys', 'a large node: answered or refused', {
    metadata: Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`k${i}`, 'v'])),
  }),
  {
    // ddf8edd: a label for each id, forever.
    name: '500 made-up ids',
    form: 'short',
    describe: 'streams of 500 nodes that reject what they are sent: the number of metric series does not grow',
    run: async (mesh) => {
      const before = await seriesOf(mesh);
      await visit(mesh, 500, (i) => ({ nodeId: nodeOf('shop', { name: `made-up-${i}` }) }));
      const after = await seriesOf(mesh);
      expect(`at most 20 series more than ${before}`, after, after <= before + 20);
      const page = await mesh.page('pilot', '/metrics');
      expect('no made-up id in metrics', page.slice(0, 200), !page.includes('made-up-'));
    },
  },
  {
    name: '300 made-up proxy types',
    describe: 'streams with 300 node types and 300 versions: the number of metric series does not grow',
    run: async (mesh) => {
      const before = await seriesOf(mesh);
      await visit(mesh, 300, (i) => ({
        nodeId: `kind${i}~10.0.0.1~web.shop~shop.svc.cluster.local`,
        metadata: { ISTIO_VERSION: `9.${i}.0`, NAMESPACE: 'shop' },
      }));
      const after = await seriesOf(mesh);
      expect(`at most 20 series more than ${before}`, after, after <= before + 20);
    },
  },
  {
    // ddf8edd: 40 requests wrote 288 MB.
    name: 'names in the log',
    form: 'short',
    describe: '40 requests with 400 unknown names of 9 kB each: the log stays below 512 kB',
    run: async (mesh) => {
      const stream = await mesh.stream();
      for (let i = 0; i < 40; i += 1)
        stream.send({
          typeUrl: types.sds,
          resourceNamesSubscribe: Array.from({ length: 400 }, (_, j) => `kubernetes://${i}-${j}${'x'.repeat(9000)}`),
        });
      await stream.next(({ message }) => message.typeUrl === types.cds, 3000).catch(() => {});
    },
  },
  {
    name: '300 streams that are not read',
    describe:
      'streams of one workload that subscribe to everything and read nothing: memory stays bounded, other clients are served',
    deadlineMs: 40_000,
    run: async (mesh) => {
      const streams = await many(300, async () => {
        const stream = await mesh.stream();
        stream.pause();
        for (const typeUrl of [types.cds, types.lds]) stream.send({ typeUrl });
        return stream;
      });
      await new Promise((resolve) => setTimeout(resolve, 2000));
      streams.forEach((stream) => stream.close());
    },
  },
  {
    name: '400 streams of one workload',
    describe: 'a workload that connects 400 times: the number is bounded, other proxies are served',
    deadlineMs: 60_000,
    run: async (mesh) => {
      const streams: AdsStream[] = [];
      for (let i = 0; i < 400; i += 50) {
        const opened = await Promise.all(Array.from({ length: 50 }, () => mesh.stream()));
        for (const stream of opened) stream.send({ typeUrl: types.cds });
        streams.push(...opened);
        await Promise.all(opened.map((stream) => stream.next(() => true, 3000).catch(() => {})));
      }
      expect(
        'every stream answered, or ended with a reason',
        '',
        streams.every(({ responses, ended }) => responses.length > 0 || ended !== undefined),
      );
    },
  },
  {
    name: 'no certificate on the secure port',
    describe: 'TLS without a client certificate: UNAUTHENTICATED or no connection',
    form: 'short',
    run: async (mesh) => {
      const certificate = await mesh.certificate();
      const stream = await mesh.stream({ certificate: { ...certificate, key: '', cert: '' } });
      stream.send({ typeUrl: types.cds });
      const ended = await stream.end(10_000);
      expect(
        'UNAUTHENTICATED or UNAVAILABLE',
        ended === 'ended' ? ended : status[ended.code],
        ended !== 'ended' && [status.UNAUTHENTICATED, status.UNAVAILABLE].includes(ended.code),
      );
    },
  },
  {
    name: 'a node of another namespace',
    describe: 'a certificate of one namespace, a node of another: PERMISSION_DENIED',
    run: async (mesh) => {
      const stream = await mesh.stream({
        certificate: await mesh.certificate('other', 'web'),
        nodeId: nodeOf('shop'),
        metadata: { NAMESPACE: 'shop' },
      });
      stream.send({ typeUrl: types.cds });
      const ended = await stream.end(10_000);
      expect(
        'PERMISSION_DENIED',
        ended === 'ended' ? ended : status[ended.code],
        ended !== 'ended' && ended.code === status.PERMISSION_DENIED,
      );
    },
  },
]);
