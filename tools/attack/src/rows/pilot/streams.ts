import { connect } from 'node:http2';
import { setTimeout as pause } from 'node:timers/promises';
import { status } from '@grpc/grpc-js';
import { envoy } from '@flotilla/proto-gen/discovery';
import { expect, patience, table } from '../../attack.ts';
import { nodeOf, types } from '../../clients/ads.ts';
import { many } from '../../clients/sockets.ts';
import type { Mesh } from '../../mesh/attacked-mesh.ts';

const { DeltaDiscoveryRequest } = envoy.service.discovery.v3;

/** How often pilot has hit a limit. */
async function hits(mesh: Mesh, kind: string): Promise<number> {
  const line = (await mesh.page('pilot', '/metrics'))
    .split('\n')
    .find((one) => one.startsWith('limits_hit_total') && one.includes(`kind="${kind}"`));
  return Number(line?.split(' ').at(-1) ?? Number.NaN);
}

/** A stream of delta xDS on the plaintext port whose client lets the server send nothing (RFC 9113, 5.2). */
async function openStuck(mesh: Mesh): Promise<(fields: Parameters<typeof DeltaDiscoveryRequest.encode>[0]) => void> {
  const session = connect(`http://${mesh.address('xds')}`, { settings: { initialWindowSize: 0 } });
  mesh.onClose(() => session.destroy());
  session.on('error', () => {});
  await new Promise((resolve) => session.once('connect', resolve).once('error', resolve));
  const stream = session.request({
    ':method': 'POST',
    ':path': '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources',
    'content-type': 'application/grpc',
    te: 'trailers',
  });
  stream.on('error', () => {});
  return (fields) => {
    const message = DeltaDiscoveryRequest.encode({ node: { id: nodeOf('shop') }, ...fields }).finish();
    const head = Buffer.alloc(5);
    head.writeUInt32BE(message.length, 1);
    stream.write(Buffer.concat([head, message]));
  };
}

/** Streams that take from pilot and give nothing. */
export const streams = table({ service: 'pilot', kind: 'streams' }, [
  {
    name: '50 clients with a flow-control window of zero',
    describe:
      'clients that request everything and 2,000 names, but let nothing be sent: other clients are served, the requests of these are held back',
    run: async (mesh) => {
      const before = await hits(mesh, 'xds_queued_requests');
      const stuck = await many(50, () => openStuck(mesh));
      for (const ask of stuck)
        for (let i = 0; i < 2000; i += 1)
          ask({ typeUrl: types.eds, resourceNamesSubscribe: [`outbound|80|subset-${i}|catalog.test`] });
      const innocent = await mesh.stream();
      innocent.send({ typeUrl: types.cds });
      await innocent.next(({ message }) => message.typeUrl === types.cds);
      const after = await hits(mesh, 'xds_queued_requests');
      expect(`more than ${before} held back`, after, after > before);
    },
  },
  {
    name: '90,000 made-up subsets',
    form: 'short',
    describe:
      'names of subsets that a real service does not have, which are all answered: other proxies are served, memory stays bounded',
    bounds: { growthMb: 300 },
    run: async (mesh) => {
      const before = await hits(mesh, 'xds_unknown_names');
      const stream = await mesh.stream();
      stream.send({
        typeUrl: types.eds,
        resourceNamesSubscribe: Array.from({ length: 90_000 }, (_, i) => `outbound|80|s${i}|catalog.test`),
      });
      const innocent = await mesh.stream();
      innocent.send({ typeUrl: types.cds });
      await innocent.next(({ message }) => message.typeUrl === types.cds);
      await stream.next(({ message }) => message.typeUrl === types.eds, 20_000);
      // The limit is exceeded by names that are answered later.
      let after = before;
      for (const end = Date.now() + 20_000 * patience(); after === before && Date.now() < end; await pause(100))
        after = await hits(mesh, 'xds_unknown_names');
      expect(`more than ${before} hits`, after, after > before);
    },
  },
  {
    name: '20,000 acknowledgements of one response',
    describe: 'the correct nonce, repeated: other proxies are served',
    run: async (mesh) => {
      const stream = await mesh.stream();
      stream.send({ typeUrl: types.cds });
      const { message } = await stream.next(() => true);
      for (let i = 0; i < 20_000; i += 1)
        if (!stream.send({ typeUrl: types.cds, responseNonce: message.nonce }))
          await new Promise((resolve) => setImmediate(resolve));
      stream.send({ typeUrl: types.lds });
      await stream.next((response) => response.message.typeUrl === types.lds, 20_000);
    },
  },
  {
    name: 'a refusal in the metrics',
    describe: 'a name over the limit: RESOURCE_EXHAUSTED with the setting that it is, and one more hit of it',
    run: async (mesh) => {
      const before = await hits(mesh, 'xds_name_bytes');
      const stream = await mesh.stream();
      stream.send({ typeUrl: types.eds, resourceNamesSubscribe: ['n'.repeat(5000)] });
      const ended = await stream.end(10_000);
      expect(
        'the setting, and RESOURCE_EXHAUSTED',
        ended === 'ended' ? ended : ended.details,
        ended !== 'ended' && ended.code === status.RESOURCE_EXHAUSTED && ended.details.includes('--xds-name-bytes'),
      );
      const after = await hits(mesh, 'xds_name_bytes');
      expect(`${before + 1} hits`, after, after === before + 1);
    },
  },
]);
