import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createBackoff } from './backoff.ts';

it('doubles up to its bound and starts again after a success', () => {
  const backoff = createBackoff({ firstMs: 100, mostMs: 500, random: () => 1 });
  expect([backoff.next(), backoff.next(), backoff.next(), backoff.next()]).toEqual([100, 200, 400, 500]);
  backoff.reset();
  expect(backoff.next()).toBe(100);
});

it('takes off at most half at random', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 20 }), (chances) => {
      let attempt = 0;
      const backoff = createBackoff({ firstMs: 100, mostMs: 1000, random: () => chances[attempt] ?? 0 });
      for (; attempt < chances.length; attempt += 1) {
        const bound = Math.min(100 * 2 ** attempt, 1000);
        const wait = backoff.next();
        expect(wait).toBeGreaterThanOrEqual(bound / 2);
        expect(wait).toBeLessThanOrEqual(bound);
      }
    }),
  );
});
