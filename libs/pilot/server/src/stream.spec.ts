import { Duplex } from 'node:stream';
import type { ServerDuplexStream } from '@grpc/grpc-js';
import { expect, it } from 'vitest';
import { createRequestReader, ResponseEncoder, type Changes, type Source } from '@flotilla/ads';
import { noObservability } from '@flotilla/observability-port';
import { envoy } from '@flotilla/proto-gen/discovery';
import { createManualClock } from '@flotilla/testing';
import { LargeRequests } from './large-requests.ts';
import type { Push } from './session.ts';
import { smallLimits } from './small-limits.fixture.ts';
import { AdsStream } from './stream.ts';
import { Turns } from './turns.ts';

const { DeltaDiscoveryRequest } = envoy.service.discovery.v3;
const limits = {
  ...smallLimits,
  xdsWriteTimeout: 1,
  xdsNamesPerType: 10_000,
  xdsNames: 10_000,
  xdsNamesPerIdentity: 10_000,
  xdsTotalNames: 10_000,
};
const source: Source = { all: () => [], get: () => undefined };

interface Client {
  prepare(typeUrl: string, names: readonly string[]): boolean;
  /** Of another source than the empty one, it takes responses by hand. */
  readonly from: Source;
  /** About the bytes of a request. */
  readonly size: number;
}

const namesOf = (request: number, size: number): string[] => [
  `${request}`,
  ...Array.from({ length: size / 10 }, (_, i) => `${request}-${10_000 + i}`),
];

/** Streams that share turns, which are planned and taken by hand. */
function rig() {
  const planned: (() => void)[] = [];
  const turns = new Turns({ later: (turn) => planned.push(turn), now: () => 0 });
  const large = new LargeRequests((stream) => turns.add(stream));
  const answered: string[] = [];
  /** Takes a response, for clients that do so by hand. */
  const taking: (() => void)[] = [];
  /** A call whose client has all these requests ready; `taken` are those that were read from it. */
  const open = (
    client: string,
    count: number,
    { prepare = () => true, from = source, size = 0 }: Partial<Client> = {},
  ) => {
    const requests = Array.from({ length: count }, (_, i) =>
      Buffer.from(DeltaDiscoveryRequest.encode({ typeUrl: 'eds', resourceNamesSubscribe: namesOf(i, size) }).finish()),
    );
    let taken = 0;
    const pushes: Push[] = [];
    const pushed: string[] = [];
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
          if (from === source) done();
          else taking.push(done);
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
      large,
      counts: { keep: () => undefined, mayWatchUnknown: () => true },
      client,
      limits,
      hit: () => {},
      clock: createManualClock(),
      log: noObservability.log,
      open: ({ push }) => {
        pushes.push(push);
        return {
          source: from,
          nodeBytes: 0,
          unknownNames: 0,
          watchedUnknownNames: 0,
          countUnknown: () => 0,
          prepare,
          onEffect() {},
          onPushed: () => void pushed.push(client),
          close() {},
        };
      },
      read: createRequestReader('delta', { requestBytes: 10_000, nodeBytes: 1000, nameBytes: 100, names: 1000 }),
    });
    return { taken: () => taken, push: (types: Changes) => pushes[0]?.(types), pushed };
  };
  return { planned, answered, taking, open };
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
  open('large', 2, {
    prepare: () => {
      pieces += 1;
      if (pieces % 20 > 0) return false;
      prepared.push(`after ${answered.join()}`);
      return true;
    },
  });
  open('other', 1);
  await read();
  planned.shift()?.();
  expect(prepared).toEqual(['after other', 'after other,large']);
});

it('prepares a large answer after those to other streams of its client, and small ones beside them', async () => {
  const { planned, open } = rig();
  const begun: string[] = [];
  let pieces = 0;
  const prepare = (name: string) => () => {
    begun.push(name);
    pieces += 1;
    return pieces % 20 === 0;
  };
  const size = 5000;
  open('client', 1, { prepare: prepare('first'), size });
  open('client', 1, { prepare: prepare('second'), size });
  open('client', 1, { prepare: () => begun.push('small') > 0 });
  open('other', 1, { prepare: () => begun.push('other') > 0, size });
  await read();
  while (planned.length > 0) planned.shift()?.();
  const [first, second] = [begun.lastIndexOf('first'), begun.indexOf('second')];
  expect([first < second, begun.indexOf('small') < first, begun.indexOf('other') < first]).toEqual([true, true, true]);
  expect(begun.filter((name) => name === 'second')).toHaveLength(20);
});

it('prepares the names that are new in a request', async () => {
  const { planned, open } = rig();
  const prepared: (readonly string[])[] = [];
  open('one', 2, { prepare: (_type, names) => prepared.push(names) > 0 });
  await read();
  planned.shift()?.();
  expect(prepared).toEqual([['0'], ['1']]);
});

it('pushes in turns, and a large push in parts, each when the last is taken', async () => {
  const { planned, answered, taking, open } = rig();
  const bytes = Buffer.alloc(3 << 20);
  const large: Source = { all: () => [], get: (_type, name) => ({ name, version: String(version), bytes }) };
  let version = 1;
  const slow = open('slow', 3, { from: large });
  await read();
  const turn = (): void => planned.splice(0).forEach((run) => run());
  // The answers to its three requests.
  for (let i = 0; i < 3; i += 1) {
    turn();
    taking.shift()?.();
    await read();
  }
  expect(answered.splice(0)).toEqual(['slow', 'slow', 'slow']);
  version = 2;
  slow.push(new Map([['eds', 'all']]));
  expect(answered).toEqual([]);
  for (const sent of [1, 2, 3]) {
    turn();
    turn();
    expect([answered.length, slow.pushed.length]).toEqual([sent, sent < 3 ? 0 : 1]);
    taking.shift()?.();
    await read();
  }
});
