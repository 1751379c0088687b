import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createTokenBuckets } from './token-bucket.ts';

it('each key has its burst, then one token for each interval', () => {
  let now = 1000;
  const buckets = createTokenBuckets({ perSecond: 10, burst: 3, clock: { now: () => now } });
  expect([1, 2, 3, 4].map(() => buckets.take('a'))).toEqual([0, 0, 0, 100]);
  expect(buckets.take('b')).toBe(0);
  now += 99;
  expect([buckets.take('a'), buckets.take('a')]).toEqual([1, 1]);
  now += 1;
  expect([buckets.take('a'), buckets.take('a')]).toEqual([0, 100]);
  now -= 10_000_000;
  expect(buckets.take('a')).toBe(100);
  now += 100;
  expect(buckets.take('a')).toBe(0);
});

it('gives several at once, or none of them', () => {
  let now = 0;
  const buckets = createTokenBuckets({ perSecond: 10, burst: 5, clock: { now: () => now } });
  expect([buckets.take('a', 3), buckets.take('a', 3), buckets.take('a', 2)]).toEqual([0, 100, 0]);
  now += 500;
  expect([buckets.take('a', 1000), buckets.take('a')]).toEqual([0, 100]);
});

it('takes tokens back, up to a full bucket', () => {
  let now = 0;
  const buckets = createTokenBuckets({ perSecond: 10, burst: 2, clock: { now: () => now } });
  expect([buckets.take('a'), buckets.take('a'), buckets.take('a')]).toEqual([0, 0, 100]);
  buckets.give('a');
  expect([buckets.take('a'), buckets.take('a')]).toEqual([0, 100]);
  for (let i = 0; i < 9; i += 1) buckets.give('a');
  now += 1;
  expect([buckets.take('a'), buckets.take('a'), buckets.take('a')]).toEqual([0, 0, 100]);
});

it('never gives more than the burst and what came back since, however the clock jumps', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ step: fc.integer({ min: -10_000, max: 10_000 }), tokens: fc.integer({ min: 1, max: 4 }) }), {
        maxLength: 60,
      }),
      (takes) => {
        let [now, forward, given] = [0, 0, 0];
        const buckets = createTokenBuckets({ perSecond: 5, burst: 4, clock: { now: () => now } });
        for (const { step, tokens } of takes) {
          now += step;
          forward += Math.max(step, 0);
          if (buckets.take('a', tokens) === 0) given += tokens;
        }
        expect(given).toBeLessThanOrEqual(4 + (forward * 5) / 1000 + 1);
      },
    ),
  );
});

it('forgets the keys that were not used for longest', () => {
  const buckets = createTokenBuckets({ perSecond: 1, burst: 1, clock: { now: () => 0 }, maxKeys: 2 });
  for (const key of ['a', 'b', 'c']) buckets.take(key);
  expect(['c', 'b', 'a'].map((key) => buckets.take(key))).toEqual([1000, 1000, 0]);
});
