import { expect, it } from 'vitest';
import { noObservability } from '@flotilla/observability-port';
import { createWaiting } from './waiting.ts';

it('says what is waited for at once, at growing intervals, and at once again after it went well', () => {
  let now = 0;
  const told: number[] = [];
  const waiting = createWaiting(
    { ...noObservability.log, warn: () => void told.push(now / 1000) },
    { now: () => now, after: () => () => {} },
  );
  for (; now <= 700_000; now += 1000) waiting('waiting for citadel', {});
  expect(told).toEqual([0, 10, 30, 70, 150, 310, 630]);
  now += 100_000;
  waiting('waiting for citadel', {});
  expect(told.at(-1)).toBe(now / 1000);
});
