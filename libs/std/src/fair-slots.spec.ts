import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createFairSlots } from './fair-slots.ts';

const options = { total: 3, perKey: 2, maxWaiting: 6, maxWaitingPerKey: 4 };
/** Slots whose work the test ends; `started` has the work in the order in which it began. */
function setUp() {
  const slots = createFairSlots(options);
  const started: string[] = [];
  const ends = new Map<string, () => void>();
  const begin = (name: string): Promise<string> | undefined =>
    slots.run(name.slice(0, 1), () => {
      started.push(name);
      return new Promise((resolve) => ends.set(name, () => resolve(name)));
    });
  const end = async (name: string): Promise<void> => {
    ends.get(name)?.();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { begin, end, started };
}

it('one key has its share of the slots, and keys that wait take turns', async () => {
  const { begin, end, started } = setUp();
  for (const name of ['a1', 'a2', 'a3', 'a4', 'b1', 'b2', 'c1']) void begin(name);
  expect(started).toEqual(['a1', 'a2', 'b1']);
  await end('a1');
  expect(started.slice(3)).toEqual(['a3']);
  await end('a2');
  expect(started.slice(4)).toEqual(['b2']);
  await end('b1');
  expect(started.slice(5)).toEqual(['c1']);
  await end('c1');
  expect(started.slice(6)).toEqual(['a4']);
});

it('refuses what can not wait, and frees the slot of work that fails', async () => {
  const { begin, end, started } = setUp();
  const all = ['a1', 'a2', 'a3', 'a4', 'a5', 'a6', 'a7'].map((name) => begin(name));
  expect(all.map((one) => one !== undefined)).toEqual([true, true, true, true, true, true, false]);
  await end('a1');
  expect(await all[0]).toBe('a1');
  expect(started).toEqual(['a1', 'a2', 'a3']);
  const slots = createFairSlots({ ...options, total: 1 });
  await expect(slots.run('a', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  await expect(slots.run('b', () => Promise.resolve(1))).resolves.toBe(1);
});

it('never exceeds a limit, and runs everything that it took', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 40 }), async (keys) => {
      const slots = createFairSlots(options);
      const running: string[] = [];
      const taken = keys.map((key) =>
        slots.run(key, async () => {
          running.push(key);
          expect(running.length).toBeLessThanOrEqual(options.total);
          expect(running.filter((one) => one === key).length).toBeLessThanOrEqual(options.perKey);
          await new Promise((resolve) => setImmediate(resolve));
          running.splice(running.indexOf(key), 1);
        }),
      );
      await Promise.all(taken);
    }),
  );
});
