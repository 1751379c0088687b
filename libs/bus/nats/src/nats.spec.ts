import { expect, it, vi } from 'vitest';
import type { Batch, Bus } from '@flotilla/bus-port';
import type { Collection } from '@flotilla/model';
import { AsyncQueue } from '@flotilla/std';
import {
  describeBus,
  describeBusOfTwo,
  describeBusVersions,
  describeReports,
  testKey,
  testResource,
} from '@flotilla/testing';
import { createNatsBus } from './nats.ts';
import { startNats } from './testing/nats-server.ts';

const wanted: Collection[] = ['service-entries'];

describeBus(
  'NATS JetStream',
  async () => {
    const server = await startNats();
    const [galley, pilot] = await Promise.all([server.open('galley'), server.open('pilot')]);
    return {
      publish: galley.publish,
      subscribe: pilot.subscribe,
      kill: server.kill,
      start: server.start,
      close: async () => {
        await Promise.all([galley.close(), pilot.close()]);
        await server.end();
      },
    };
  },
  { restartable: true },
);

describeBusOfTwo('NATS JetStream', async () => {
  const server = await startNats();
  const pilot = await server.open('pilot');
  const galleys: [Bus, Bus] = [await server.open('galley'), await server.open('galley')];
  return {
    publishers: [{ publish: (batch) => galleys[0].publish(batch) }, { publish: (batch) => galleys[1].publish(batch) }],
    subscribe: pilot.subscribe,
    // The other process is replaced by a new one, that has nothing yet.
    lead: async (index) => {
      await galleys[1 - index]?.close();
      galleys[1 - index] = await server.open('galley');
    },
    close: async () => {
      await Promise.all([pilot, ...galleys].map((bus) => bus.close()));
      await server.end();
    },
  };
});

describeReports('NATS', async () => {
  const server = await startNats();
  const [galley, pilot] = await Promise.all([server.open('galley'), server.open('pilot')]);
  return {
    reporter: 'pilot',
    report: pilot.report,
    onReport: galley.onReport,
    close: async () => {
      await Promise.all([galley.close(), pilot.close()]);
      await server.end();
    },
  };
});

it('of two galleys, the one that a report is for answers', () =>
  withServer(async (_, open) => {
    const [first, second, pilot] = [await open('galley'), await open('galley'), await open('pilot')];
    const heard: string[] = [];
    const takes =
      (name: string) =>
      (message: Uint8Array): Uint8Array | undefined => {
        heard.push(name);
        return Buffer.from(message).toString() === name ? Buffer.from(`${name} has it`) : undefined;
      };
    first.onReport(takes('first'));
    second.onReport(takes('second'));
    const { signal } = new AbortController();
    for (const name of ['first', 'second', 'first', 'second'])
      expect(Buffer.from(await pilot.report(Buffer.from(name), signal)).toString()).toBe(`${name} has it`);
    expect(heard.filter((name) => name === 'first').length).toBe(4);
  }));

describeBusVersions('NATS JetStream', async () => {
  const server = await startNats();
  const problems = new AsyncQueue<string>();
  const onProblem = (message: string): void => {
    if (message.includes('format')) problems.push(message);
  };
  const pilot = await createNatsBus({ ...server.optionsOf('pilot'), onProblem });
  let galley: Bus | undefined;
  return {
    next: async () => {
      await galley?.close();
      return (galley = await server.open('galley'));
    },
    problem: async () => (await problems.next()).value as string,
    subscribe: pilot.subscribe,
    close: async () => {
      await Promise.all([pilot.close(), galley?.close()]);
      await server.end();
    },
  };
});

/** `s1/2`: the second batch of session s1. */
const put = (at: string, values: Record<string, string>, complete: Collection[] = []): Batch => {
  const [session = '', seq] = at.split('/');
  return {
    session,
    seq: Number(seq),
    put: Object.entries(values).map(([name, host]) => ({ resource: testResource(name, host) })),
    delete: [],
    complete,
  };
};

async function withServer(
  test: (
    server: Awaited<ReturnType<typeof startNats>>,
    open: (user: 'galley' | 'pilot') => Promise<Bus>,
  ) => Promise<void>,
): Promise<void> {
  const server = await startNats();
  const open: Bus[] = [];
  try {
    await test(server, async (user) => {
      const bus = await server.open(user);
      open.push(bus);
      return bus;
    });
  } finally {
    await Promise.all(open.map((bus) => bus.close()));
    await server.end();
  }
}
const reading = (bus: Bus) => bus.subscribe(wanted, new AbortController().signal)[Symbol.asyncIterator]();
const names = (batch: Batch): string[] => batch.put.map(({ resource }) => resource.meta.name);

it('a galley that restarts finds what the previous one published', () =>
  withServer(async (_, open) => {
    const first = await open('galley');
    await first.publish(put('s1/1', { a: '1', b: '1' }, wanted));
    const reader = reading(await open('pilot'));
    await reader.next();
    await first.close();
    const second = await open('galley');
    await second.publish(put('s2/1', { a: '1', c: '1' }, wanted));
    const { value } = await reader.next();
    expect([names(value as Batch), (value as Batch).delete]).toEqual([
      ['c'],
      [{ collection: 'service-entries', key: testKey('b') }],
    ]);
  }));

it('a server that comes back empty is filled again, and readers are told nothing twice', () =>
  withServer(async (server, open) => {
    const galley = await open('galley');
    await galley.publish(put('s1/1', { a: '1', b: '1' }, wanted));
    const reader = reading(await open('pilot'));
    await reader.next();
    await server.kill();
    server.wipe();
    await server.start();
    await galley.publish(put('s1/2', { b: '2' }));
    expect(names((await reader.next()).value as Batch)).toEqual(['b']);
    const late = reading(await open('pilot'));
    expect(names((await late.next()).value as Batch).sort()).toEqual(['a', 'b']);
  }));

it('the log is compacted: a late reader gets the state and not the history', () =>
  withServer(async (_, open) => {
    const galley = await open('galley');
    const early = reading(await open('pilot'));
    await galley.publish(put('s1/1', { a: '0', gone: '1' }, wanted));
    await early.next();
    await galley.publish({ ...put('s1/2', {}), delete: [{ collection: 'service-entries', key: testKey('gone') }] });
    for (let i = 3; i <= 40; i += 1) await galley.publish(put(`s1/${i}`, { a: `${i}${'x'.repeat(400_000)}` }));
    const late = reading(await open('pilot'));
    const state = new Map<string, string>();
    let values = 0;
    while (!state.get('a')?.startsWith('40')) {
      const batch = (await late.next()).value as Batch;
      for (const { resource } of batch.put)
        state.set(resource.meta.name, String((resource.spec as { hosts: string[] }).hosts[0]));
      values += batch.put.length + (batch.coalesced?.length ?? 0);
    }
    expect([[...state.keys()], values < 30]).toEqual([['a'], true]);
  }));

it('a subscriber may not publish, whatever its code asks for', () =>
  withServer(async (_, open) => {
    await expect((await open('pilot')).publish(put('s1/1', { a: '1' }))).rejects.toThrow('does not publish');
  }));

it('a change reaches its reader by what happens, and not when some timer fires', () =>
  withServer(async (_, open) => {
    const galley = await open('galley');
    const reader = reading(await open('pilot'));
    await galley.publish(put('s1/1', { a: '0' }, wanted));
    await reader.next();
    vi.useFakeTimers({ toFake: ['setTimeout', 'setInterval'] });
    try {
      for (let i = 2; i < 12; i += 1) {
        const next = reader.next();
        await galley.publish(put(`s1/${i}`, { a: String(i) }));
        expect((await next).value).toMatchObject({ session: 's1', seq: i });
      }
    } finally {
      vi.useRealTimers();
    }
  }));
