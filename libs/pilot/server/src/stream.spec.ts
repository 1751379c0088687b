import { Duplex } from 'node:stream';
import type { ServerDuplexStream } from '@grpc/grpc-js';
import { expect, it } from 'vitest';
import { createRequestReader, ResponseEncoder, type Source } from '@flotilla/ads';
import { noObservability } from '@flotilla/observability-port';
import { envoy } from '@flotilla/proto-gen/discovery';
import { createManualClock } from '@flotilla/testing';
import { AdsStream } from './stream.ts';
import { Turns } from './turns.ts';

const { DeltaDiscoveryRequest } = envoy.service.discovery.v3;
const limits = {
  xdsStreams: 10,
  xdsStreamsPerIdentity: 10,
  xdsWriteTimeout: 1,
  xdsQueuedRequests: 8,
  xdsRequestBytes: 10_000,
  xdsNodeBytes: 1000,
  xdsNameBytes: 100,
  xdsNamesPerType: 10_000,
  xdsNames: 10_000,
  xdsNamesPerIdentity: 10_000,
  xdsTotalNames: 10_000,
  xdsUnknownNames: 10,
};
const source: Source = { all: () => [], get: () => undefined };

/** Streams that share turns, which are planned and taken by hand. */
function rig() {
  const planned: (() => void)[] = [];
  const turns = new Turns({ later: (turn) => planned.push(turn), now: () => 0 });
  const answered: string[] = [];
  /** A call whose client has all these requests ready; `taken` are those that were read from it. */
  const open = (client: string, count: number, prepare = (): boolean => true) => {
    const requests = Array.from({ length: count }, (_, i) =>
      Buffer.from(DeltaDiscoveryRequest.encode({ typeUrl: 'eds', resourceNamesSubscribe: [`${i}`] }).finish()),
    );
    let taken = 0;
    const call = Object.assign(
      new Duplex({
        objectMode: true,
        read() {
          const next = requests[taken];
          if (!next) return;
          taken += 1;
          this.push(next);
        },
        write: (_response, _encoding, done) => {
          answered.push(client);
          done();
        },
      }),
      { getPeer: () => client },
    ) as unknown as ServerDuplexStream<Buffer, Buffer>;
    new AdsStream(call, {
      protocol: {
        order: ['eds'],
        whole: new Set(),
        follows: [],
        limits: { namesPerType: 10_000, names: 10_000, namesPerStep: 10_000 },
      },
      encoder: new ResponseEncoder(),
      turns,
      counts: { addNames: () => undefined },
      client,
      limits,
      hit: () => {},
      clock: createManualClock(),
      log: noObservability.log,
      open: () => ({ source, prepare, onEffect() {}, onPushed() {}, close() {} }),
      read: createRequestReader('delta', { requestBytes: 10_000, nodeBytes: 1000, nameBytes: 100, names: 1000 }),
    });
    return { taken: () => taken };
  };
  return { planned, answered, open };
}
const read = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

it('is answered after a few requests of another that floods, and reads ahead only a few of those', async () => {
  const { planned, answered, open } = rig();
  const flooder = open('flooder', 5000);
  await read();
  // It has a backlog now, of which nothing is answered yet; one more is on its way.
  expect(flooder.taken()).toBeLessThanOrEqual(limits.xdsQueuedRequests + 1);
  expect(answered).toEqual([]);
  open('other', 1);
  await read();
  planned.shift()?.();
  expect(answered.indexOf('other')).toBeGreaterThanOrEqual(0);
  expect(answered.indexOf('other')).toBeLessThanOrEqual(8);
});

it('is answered while the answer to another is prepared, which comes in the order of its requests', async () => {
  const { planned, answered, open } = rig();
  let pieces = 0;
  const prepared: string[] = [];
  open('large', 2, () => {
    pieces += 1;
    if (pieces % 20 > 0) return false;
    prepared.push(`after ${answered.join()}`);
    return true;
  });
  open('other', 1);
  await read();
  planned.shift()?.();
  expect(prepared).toEqual(['after other', 'after other,large']);
});
