import { describe, expect, it } from 'vitest';
import type { Batch, Bus, Publisher, Subscriber } from '@flotilla/bus-port';
import { keyOf, objectKey, type AnyResource, type Collection, type ObjectKey } from '@flotilla/model';

/** The key of a testResource. */
export const testKey = (name: string, cluster = 'Kubernetes'): ObjectKey =>
  objectKey({ namespace: 'shop', name, cluster });
export const testResource = (name: string, host: string, cluster = 'Kubernetes'): AnyResource => ({
  collection: 'service-entries',
  apiVersion: 'networking.istio.io/v1beta1',
  kind: 'ServiceEntry',
  meta: { name, namespace: 'shop', cluster },
  spec: { hosts: [host] },
});
const wanted: Collection[] = ['service-entries'];
const batch = (session: string, seq: number, content: Partial<Batch>): Batch => ({
  session,
  seq,
  put: [],
  delete: [],
  complete: [],
  ...content,
});

/** What a subscriber holds after the batches it has read. */
function hold(state: Map<ObjectKey, string>, { put, delete: gone }: Batch): Map<ObjectKey, string> {
  for (const { resource } of put) state.set(keyOf(resource.meta), JSON.stringify(resource.spec));
  for (const { key } of gone) state.delete(key);
  return state;
}

/** A bus under test; where there is a server, `kill` ends it without notice and `start` starts it again. */
export type TestBus = Publisher & Subscriber & Pick<Bus, 'close'> & { kill?(): Promise<void>; start?(): Promise<void> };

/** The one contract of all transports. `open` gives a fresh, empty bus. */
export function describeBus(name: string, open: () => Promise<TestBus>, { restartable = false } = {}): void {
  describe(`bus: ${name}`, () => {
    const withBus = (test: (bus: TestBus, read: () => Promise<Batch>) => Promise<void>) => async (): Promise<void> => {
      const bus = await open();
      const stop = new AbortController();
      let reader: AsyncIterator<Batch> | undefined;
      try {
        await test(bus, async () => {
          reader ??= bus.subscribe(wanted, stop.signal)[Symbol.asyncIterator]();
          return (await reader.next()).value as Batch;
        });
      } finally {
        stop.abort();
        await bus.close();
      }
    };

    it(
      'gives the whole state and its completeness first, then changes',
      withBus(async (bus, read) => {
        await bus.publish(batch('s1', 1, { put: [{ resource: testResource('a', 'a.test') }], complete: wanted }));
        const first = await read();
        expect([first.put.map(({ resource }) => resource.meta.name), first.complete]).toEqual([['a'], wanted]);
        await bus.publish(
          batch('s1', 2, {
            put: [{ resource: testResource('b', 'b.test'), trace: '00-1-1-01' }],
            delete: [{ collection: 'service-entries', key: testKey('a') }],
          }),
        );
        const second = await read();
        expect({
          put: second.put.map(({ resource, trace }) => [resource.meta.name, trace]),
          gone: second.delete.map(({ key }) => key),
        }).toEqual({ put: [['b', '00-1-1-01']], gone: [testKey('a')] });
      }),
    );

    it(
      'does not repeat an equal value, whatever its session, number and trace',
      withBus(async (bus, read) => {
        await bus.publish(
          batch('s1', 1, { put: [{ resource: testResource('a', 'a.test'), trace: '00-1-1-01' }], complete: wanted }),
        );
        await read();
        await bus.publish(batch('s1', 2, { put: [{ resource: testResource('a', 'a.test'), trace: '00-2-2-01' }] }));
        await bus.publish(batch('s1', 3, { put: [{ resource: testResource('b', 'b.test') }] }));
        expect((await read()).put.map(({ resource }) => resource.meta.name)).toEqual(['b']);
      }),
    );

    it(
      'gives nothing of a new session before it is complete, then what is different, at once',
      withBus(async (bus, read) => {
        await bus.publish(
          batch('s1', 1, { put: ['a', 'b'].map((n) => ({ resource: testResource(n, n) })), complete: wanted }),
        );
        const state = hold(new Map(), await read());
        await bus.publish(
          batch('s2', 1, { put: [{ resource: testResource('c', 'c') }, { resource: testResource('d', 'd') }] }),
        );
        await bus.publish(batch('s2', 2, { delete: [{ collection: 'service-entries', key: testKey('d') }] }));
        await bus.publish(batch('s2', 3, { put: [{ resource: testResource('a', 'a') }], complete: wanted }));
        const next = await read();
        expect([
          next.put.map(({ resource }) => resource.meta.name),
          next.delete.map(({ key }) => key),
          next.complete,
        ]).toEqual([['c'], [testKey('b')], wanted]);
        expect([...hold(state, next).keys()].sort()).toEqual([testKey('a'), testKey('c')]);
      }),
    );

    it(
      'gives a slow subscriber the latest of each key, and the traces of what it missed',
      withBus(async (bus, read) => {
        await bus.publish(batch('s1', 1, { put: [{ resource: testResource('a', '0') }], complete: wanted }));
        const state = hold(new Map(), await read());
        for (let i = 1; i <= 500; i += 1)
          await bus.publish(
            batch('s1', i + 1, { put: [{ resource: testResource('a', String(i)), trace: `00-${i}-1-01` }] }),
          );
        let reads = 0;
        let coalesced = 0;
        while (state.get(testKey('a')) !== '{"hosts":["500"]}') {
          const next = await read();
          reads += 1;
          coalesced += next.coalesced?.length ?? 0;
          hold(state, next);
        }
        expect(reads).toBeLessThan(50);
        expect(coalesced).toBeGreaterThan(0);
      }),
    );

    it(
      'carries a resource larger than a message of most transports',
      withBus(async (bus, read) => {
        const large = 'x'.repeat(1_400_000);
        await bus.publish(batch('s1', 1, { put: [{ resource: testResource('a', large) }], complete: wanted }));
        expect([...hold(new Map(), await read()).values()]).toEqual([JSON.stringify({ hosts: [large] })]);
      }),
    );

    it(
      'gives only the collections that were asked for',
      withBus(async (bus, read) => {
        const other = { ...testResource('n', 'n'), collection: 'gateways' as const } as AnyResource;
        await bus.publish(
          batch('s1', 1, {
            put: [{ resource: other }, { resource: testResource('a', 'a') }],
            complete: ['gateways', ...wanted],
          }),
        );
        const { put, complete } = await read();
        expect([put.map(({ resource }) => resource.meta.name), complete]).toEqual([['a'], wanted]);
      }),
    );

    it(
      'shows batches whole or not at all',
      withBus(async (bus, read) => {
        const names = Array.from({ length: 20 }, (_, i) => `n${i}`);
        const change = (i: number): Promise<void> =>
          bus.publish(
            batch('s1', i, {
              put: names.map((n) => ({ resource: testResource(n, `${i}-${'x'.repeat(40_000)}`) })),
              complete: wanted,
            }),
          );
        await change(1);
        const published = (async () => {
          for (let i = 2; i <= 40; i += 1) await change(i);
        })();
        const state = new Map<ObjectKey, string>();
        do {
          hold(state, await read());
          expect([state.size, new Set(state.values()).size]).toEqual([20, 1]);
        } while (!state.get(testKey('n0'))?.includes('"40-'));
        await published;
      }),
    );

    it(
      'gives each reader its own whole state, also one that comes late',
      withBus(async (bus, read) => {
        await bus.publish(
          batch('s1', 1, {
            put: [{ resource: testResource('a', 'a') }, { resource: testResource('b', 'b') }],
            complete: wanted,
          }),
        );
        await bus.publish(
          batch('s1', 2, {
            put: [{ resource: testResource('a', 'a2') }],
            delete: [{ collection: 'service-entries', key: testKey('b') }],
          }),
        );
        const state = new Map<ObjectKey, string>();
        while (state.get(testKey('a')) !== '{"hosts":["a2"]}' || state.has(testKey('b'))) hold(state, await read());
        expect([...state.keys()]).toEqual([testKey('a')]);
      }),
    );

    it(
      'tells objects of one name in two clusters apart',
      withBus(async (bus, read) => {
        const put = ['east', 'west'].map((cluster) => ({ resource: testResource('a', `${cluster}.test`, cluster) }));
        await bus.publish(batch('s1', 1, { put, complete: wanted }));
        const state = hold(new Map(), await read());
        expect([...state.keys()]).toEqual([testKey('a', 'east'), testKey('a', 'west')]);
        await bus.publish(batch('s1', 2, { delete: [{ collection: 'service-entries', key: testKey('a', 'east') }] }));
        expect([...hold(state, await read())]).toEqual([[testKey('a', 'west'), '{"hosts":["west.test"]}']]);
      }),
    );

    if (restartable)
      it(
        'loses nothing and repeats nothing when the server is killed',
        withBus(async (bus, read) => {
          await bus.publish(
            batch('s1', 1, {
              put: [{ resource: testResource('a', 'a') }, { resource: testResource('gone', 'g') }],
              complete: wanted,
            }),
          );
          await read();
          await bus.kill?.();
          const published = bus.publish(
            batch('s1', 2, {
              put: [{ resource: testResource('b', 'b') }],
              delete: [{ collection: 'service-entries', key: testKey('gone') }],
            }),
          );
          await bus.start?.();
          await published;
          const { put, delete: gone, complete } = await read();
          expect([put.map(({ resource }) => resource.meta.name), gone.map(({ key }) => key), complete]).toEqual([
            ['b'],
            [testKey('gone')],
            [],
          ]);
          await bus.publish(batch('s1', 3, { put: [{ resource: testResource('c', 'c') }] }));
          expect((await read()).put.map(({ resource }) => resource.meta.name)).toEqual(['c']);
        }),
      );
  });
}

/** A bus with two publishers, as with two replicas of galley; `lead` makes readers follow the one or the other. */
export interface TestBusOfTwo extends Subscriber {
  readonly publishers: readonly [Publisher, Publisher];
  lead(index: 0 | 1): Promise<void>;
  close(): Promise<void>;
}

/**
 * The contract of the transports that several galleys can share. `open` gives a bus that follows its first publisher.
 */
export function describeBusOfTwo(name: string, open: () => Promise<TestBusOfTwo>): void {
  describe(`bus with two publishers: ${name}`, () => {
    const withBus =
      (test: (bus: TestBusOfTwo, read: () => Promise<Batch>) => Promise<void>) => async (): Promise<void> => {
        const bus = await open();
        const stop = new AbortController();
        try {
          const reader = bus.subscribe(wanted, stop.signal)[Symbol.asyncIterator]();
          await test(bus, async () => (await reader.next()).value as Batch);
        } finally {
          stop.abort();
          await bus.close();
        }
      };
    const stateOf = (session: string, seq: number, values: Record<string, string>): Batch =>
      batch(session, seq, {
        put: Object.entries(values).map(([key, host]) => ({ resource: testResource(key, host) })),
        complete: wanted,
      });

    it(
      'gives the state of one, then that of the other as what is different, in one batch',
      withBus(async ({ publishers: [first, second], lead }, read) => {
        await first.publish(stateOf('s1', 1, { a: '1', b: '1', same: '1' }));
        await second.publish(stateOf('s2', 1, { a: '2', c: '2', same: '1' }));
        const state = hold(new Map(), await read());
        expect([...state.keys()].sort()).toEqual([testKey('a'), testKey('b'), testKey('same')]);
        await lead(1);
        const next = await read();
        expect(next.put.map(({ resource }) => resource.meta.name).sort()).toEqual(['a', 'c']);
        expect(next.delete.map(({ key }) => key)).toEqual([testKey('b')]);
      }),
    );

    it(
      'keeps the state of one until that of the other is complete',
      withBus(async ({ publishers: [first, second], lead }, read) => {
        await first.publish(stateOf('s1', 1, { a: '1', b: '1' }));
        const state = hold(new Map(), await read());
        await second.publish({ ...stateOf('s2', 1, { c: '2' }), complete: [] });
        await lead(1);
        await second.publish({ ...stateOf('s2', 2, { d: '2' }), complete: [] });
        await second.publish(stateOf('s2', 3, {}));
        expect([...hold(state, await read()).keys()].sort()).toEqual([testKey('c'), testKey('d')]);
      }),
    );

    it(
      'shows at each moment a state that one of them published',
      withBus(async ({ publishers, lead }, read) => {
        const keys = ['a', 'b', 'c'];
        const published = new Set<string>();
        const publish = async (index: 0 | 1, version: number): Promise<void> => {
          const value = `s${index}/${version}`;
          published.add(value);
          await publishers[index].publish(
            stateOf(`s${index}`, version, Object.fromEntries(keys.map((key) => [key, value]))),
          );
        };
        const state = new Map<ObjectKey, string>();
        for (let version = 1; version <= 6; version += 1) {
          const leader = (version % 2) as 0 | 1;
          await publish(0, version);
          await publish(1, version);
          await lead(leader);
          do {
            hold(state, await read());
            const values = new Set(
              [...state.values()].map((spec) => (JSON.parse(spec) as { hosts: string[] }).hosts[0] ?? ''),
            );
            expect([state.size, [...values].filter((value) => !published.has(value)), values.size]).toEqual([
              keys.length,
              [],
              1,
            ]);
          } while (!state.get(testKey('a'))?.includes(`s${leader}/${version}`));
        }
      }),
    );
  });
}
