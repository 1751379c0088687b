import { expect, it } from 'vitest';
import { LargeRequests } from './large-requests.ts';
import type { Worker } from './turns.ts';

const worker = (): Worker => ({ work: () => false });

it('a stream waits until those of the same client that came before it have left, and for nobody else', () => {
  const woken: Worker[] = [];
  const large = new LargeRequests((stream) => woken.push(stream));
  const workers = [worker(), worker(), worker(), worker()] as const;
  const [one, two, three, other] = [
    large.placeOf('a', workers[0]),
    large.placeOf('a', workers[1]),
    large.placeOf('a', workers[2]),
    large.placeOf('b', workers[3]),
  ];
  expect([one.take(), two.take(), three.take(), other.take()]).toEqual([true, false, false, true]);
  expect(one.take()).toBe(true);
  expect([one, two, three, other].map(({ isBehind }) => isBehind)).toEqual([false, true, true, false]);
  two.leave();
  expect([two.isBehind, woken]).toEqual([false, []]);
  one.leave();
  expect([three.isBehind, woken]).toEqual([false, [workers[2]]]);
  expect([one.take(), one.isBehind]).toEqual([false, true]);
  three.leave();
  one.leave();
  one.leave();
  other.leave();
  expect(woken).toEqual([workers[2], workers[0]]);
  expect(two.take()).toBe(true);
});
