import { expect, it } from 'vitest';
import { fuzz } from './fuzz.ts';

const module = new URL('./faulty.fixture.ts', import.meta.url).href;
const run = (target: string) => fuzz({ module, target, seed: 1, count: 2000, durationMs: 60_000, stuckMs: 500 });

it('counts inputs that hold', async () => expect(await run('sound')).toMatchObject({ tried: 2000, target: 'sound' }));

it('tries an input, however short the time', async () => {
  const { tried, fault } = await fuzz({ module, target: 'sound', seed: 1, count: 2000, durationMs: 0 });
  expect([tried, fault]).toEqual([1, undefined]);
});

/** How many inputs each target took: they make the same inputs of the same seed. */
const counts = new Set<number>();
it.each([
  ['throws', /RangeError: no/],
  ['rejects', /RangeError: no/],
  ['hangs', /does not come back/],
])('finds an input that %s, and leaves out of it what does not matter', async (target, reason) => {
  const { fault, tried } = await run(target);
  expect(fault?.reason).toMatch(reason);
  expect(Buffer.from(fault?.input ?? []).toString()).toBe('!');
  counts.add(tried);
  expect([...counts]).toEqual([tried]);
});
