import { createDrains } from '@flotilla/server';
import { createManualClock } from '@flotilla/testing';
import { expect, it } from 'vitest';
import { createShutdown } from './shutdown.ts';

/** Lets everything happen that needs no time. */
const settle = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

function rig(drainMs: number) {
  const clock = createManualClock();
  const [drains, stop] = [createDrains(), new AbortController()];
  const drained = Promise.withResolvers<null>();
  const happened: string[] = [];
  drains.add((ms) => {
    happened.push(`drains for ${ms} ms`);
    return drained.promise.then(() => {});
  });
  stop.signal.addEventListener('abort', () => happened.push('stops'));
  const exit = (): void => void happened.push('exits');
  return { clock, drained, happened, shutdown: createShutdown({ drains, drainMs, stop, exit, clock }) };
}

it('is not ready from the first signal on, and disconnects clients once load balancers have noticed', async () => {
  const { clock, drained, happened, shutdown } = rig(15_000);
  expect(shutdown.hasBegun).toBe(false);
  shutdown.begin();
  expect(shutdown.hasBegun).toBe(true);
  clock.advance(2999);
  await settle();
  expect(happened).toEqual([]);
  clock.advance(1);
  await settle();
  expect(happened).toEqual(['drains for 12000 ms']);
  drained.resolve(null);
  await settle();
  expect(happened).toEqual(['drains for 12000 ms', 'stops']);
});

it('stops at the first signal where there is no drain', () => {
  const { happened, shutdown } = rig(0);
  shutdown.begin();
  expect(happened).toEqual(['stops']);
});

it('ends the process at the second signal', async () => {
  const { happened, shutdown } = rig(15_000);
  shutdown.begin();
  shutdown.begin();
  await settle();
  expect(happened).toEqual(['exits']);
});

it('stops when a port cannot disconnect its clients', async () => {
  const { clock, drained, happened, shutdown } = rig(1000);
  shutdown.begin();
  clock.advance(200);
  await settle();
  drained.reject(new Error('broken'));
  await settle();
  expect(happened.at(-1)).toBe('stops');
});
