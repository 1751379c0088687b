import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { Batch } from '@flotilla/bus-port';
import type { ObjectKey } from '@flotilla/model';
import { noObservability } from '@flotilla/observability-port';
import { AsyncQueue } from '@flotilla/std';
import { createManualClock, MemorySource, type RawObject } from '@flotilla/testing';
import { createGalley } from './index.ts';

const service = (name: string): RawObject => ({ kind: 'Service', metadata: { name, namespace: 'shop' } });
/** As an API server has it. */
const object = (name: string): RawObject =>
  ({ apiVersion: 'v1', ...service(name), spec: { ports: [{ port: 80, name: 'http' }] } }) as RawObject;

function rig(...sources: MemorySource[]) {
  const clock = createManualClock(Date.UTC(2024, 0, 1));
  const batches = new AsyncQueue<Batch>();
  const stop = new AbortController();
  const galley = createGalley({
    sources,
    publisher: { publish: (batch) => Promise.resolve(batches.push(batch)) },
    observability: noObservability,
    signal: stop.signal,
    clock,
  });
  const nameOf = ({ namespace, name }: Pick<ObjectKey, 'namespace' | 'name'>): string => `${namespace}/${name}`;
  const state = new Set<string>();
  let complete = 0;
  /** Reads what is published until something holds of it. */
  const until = async (reached: () => boolean): Promise<void> => {
    while (!reached()) {
      const { value } = await batches.next();
      const { put, delete: gone, complete: whole } = value as Batch;
      for (const { resource } of put) state.add(nameOf(resource.meta));
      for (const { key } of gone) state.delete(nameOf(key));
      complete += whole.length > 0 ? 1 : 0;
    }
  };
  /** Waits until something is wrong. */
  const untilProblem = async (): Promise<void> => {
    while (galley.problems().length === 0) await setImmediate();
  };
  const running = galley.run();
  const end = async (): Promise<void> => {
    stop.abort();
    await running;
  };
  const codes = (): string[] => galley.problems().map(({ code }) => code);
  return { galley, clock, state, until, untilProblem, isComplete: () => complete > 0, end, codes };
}

describe('several sources', () => {
  it('are complete together, when the last of them is', async () => {
    const [near, far] = [
      new MemorySource({ name: 'near', objects: [object('a')] }),
      new MemorySource({ name: 'far', objects: [object('b')], reachable: false }),
    ];
    const { galley, state, until, untilProblem, isComplete, codes, end } = rig(near, far);
    await until(() => state.has('shop/a'));
    await untilProblem();
    expect([isComplete(), codes()]).toEqual([false, ['source-away']]);
    far.restore();
    await until(isComplete);
    expect([[...state].sort(), codes(), galley.sources()]).toEqual([
      ['/istio', 'shop/a', 'shop/b'],
      [],
      [
        { name: 'near', state: 'in step' },
        { name: 'far', state: 'in step' },
      ],
    ]);
    await galley.ready;
    await end();
  });

  it('are waited for no longer than the limit: galley goes on, and says whom it misses', async () => {
    const far = new MemorySource({ name: 'far', objects: [object('b')], reachable: false });
    const { galley, clock, state, until, untilProblem, isComplete, end } = rig(
      new MemorySource({ objects: [object('a')] }),
      far,
    );
    await until(() => state.has('shop/a'));
    await untilProblem();
    clock.advance(59_999);
    expect(isComplete()).toBe(false);
    clock.advance(1);
    await until(isComplete);
    await galley.ready;
    expect(galley.problems()).toMatchObject([
      {
        code: 'source-away',
        level: 'error',
        message: expect.stringMatching(/^the source far .*refused; galley continues without it$/) as string,
      },
    ]);
    far.restore();
    await until(() => state.has('shop/b'));
    expect(galley.problems()).toEqual([]);
    await end();
  });

  it('keep their last state while they are away, and say how old it is', async () => {
    const source = new MemorySource({ name: 'cluster', objects: [object('a'), object('b')] });
    const { galley, clock, state, until, untilProblem, isComplete, end } = rig(source);
    await until(isComplete);
    source.cut(clock.now() - 5000);
    await untilProblem();
    expect(galley.problems()).toMatchObject([
      {
        level: 'warning',
        message:
          "the source cluster can't be reached since 2023-12-31T23:59:55.000Z: connection refused; its last state stays in force",
      },
    ]);
    expect(galley.sources()).toMatchObject([{ state: 'away', since: clock.now() - 5000 }]);
    source.delete(object('a'));
    source.restore();
    await until(() => !state.has('shop/a'));
    expect([[...state].sort(), galley.problems()]).toEqual([['/istio', 'shop/b'], []]);
    await end();
  });

  it('are away until they are back, though something is heard of their other kinds', async () => {
    const source = new MemorySource({ name: 'cluster', objects: [object('a')] });
    const { galley, clock, state, until, untilProblem, isComplete, codes, end } = rig(source);
    await until(isComplete);
    source.refuse(clock.now(), 'services is forbidden');
    await untilProblem();
    source.put(object('b'));
    await until(() => state.has('shop/b'));
    expect([codes(), galley.sources()]).toEqual([
      ['source-away'],
      [{ name: 'cluster', state: 'away', since: clock.now(), reason: 'services is forbidden' }],
    ]);
    source.restore();
    while (codes().length > 0) await setImmediate();
    expect(galley.sources()).toEqual([{ name: 'cluster', state: 'in step' }]);
    await end();
  });

  it('are run again when they fail, with what they had in force until then', async () => {
    const source = new MemorySource({ name: 'cluster', objects: [object('a'), object('b')] });
    const { galley, clock, state, until, untilProblem, isComplete, end } = rig(source);
    await until(isComplete);
    source.fail(new Error('out of memory'));
    await untilProblem();
    expect(galley.problems()).toMatchObject([
      { message: expect.stringContaining('out of memory; its last state stays') as string },
    ]);
    source.delete(object('a'));
    expect(state.has('shop/a')).toBe(true);
    // It is waiting by now, or about to.
    await setImmediate();
    clock.advance(1000);
    await until(() => !state.has('shop/a'));
    expect(galley.problems()).toEqual([]);
    await end();
  });
});

it('a run that fails ends all sources; the next one is a new session with the whole state', async () => {
  const sources = ['one', 'two'].map((name) => new MemorySource({ name, objects: [object(name)] }));
  const batches: Batch[] = [];
  let fails = true;
  const stop = new AbortController();
  const galley = createGalley({
    sources,
    publisher: {
      publish: (batch) => (fails ? Promise.reject(new Error('lost')) : Promise.resolve(void batches.push(batch))),
    },
    observability: noObservability,
    signal: stop.signal,
  });
  await expect(galley.run()).rejects.toThrow('lost');
  expect(sources.map(({ readers }) => readers)).toEqual([0, 0]);
  fails = false;
  const running = galley.run();
  await galley.ready;
  stop.abort();
  await running;
  const names = batches.flatMap(({ put }) => put.map(({ resource }) => resource.meta.name));
  expect(names.sort()).toEqual(['istio', 'one', 'two']);
  expect(new Set(batches.map(({ session }) => session)).size).toBe(1);
});
