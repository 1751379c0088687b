import { expect, it } from 'vitest';
import { Turns, type Worker } from './turns.ts';

/** Runs turns by hand; each piece takes a millisecond of a clock that nothing else moves. */
function rig() {
  let now = 0;
  const planned: (() => void)[] = [];
  const turns = new Turns({ later: (turn) => planned.push(turn), now: () => now, turnMs: 10, piecesPerVisit: 4 });
  const done: string[] = [];
  const worker = (name: string, pieces: number): Worker => ({
    work: () => {
      if (pieces === 0) return false;
      pieces -= 1;
      now += 1;
      done.push(name);
      return pieces > 0;
    },
  });
  return { turns, done, worker, planned, turn: () => planned.shift()?.() };
}

it('lets a worker in after a few pieces of another, however many that one has', () => {
  const { turns, done, worker, turn } = rig();
  turns.add(worker('flooder', 10_000));
  turns.add(worker('other', 1));
  turn();
  expect(done.slice(0, 6)).toEqual(['flooder', 'flooder', 'flooder', 'flooder', 'other', 'flooder']);
});

it('gives everything else its turn after ten milliseconds, and goes on afterwards with who was next', () => {
  const { turns, done, worker, turn, planned } = rig();
  for (const name of ['a', 'b', 'c']) turns.add(worker(name, 1000));
  turn();
  expect(done).toHaveLength(10);
  turns.add(worker('late', 1));
  turn();
  turn();
  expect([done.slice(10, 20).join(''), done.indexOf('late'), planned.length]).toEqual(['aaaabbbbcc', 20, 1]);
});

it('does every piece once, and plans nothing when there is none', () => {
  const { turns, done, worker, turn, planned } = rig();
  const all = Array.from({ length: 20 }, (_, i) => worker(`${i}`, i));
  for (const one of all) turns.add(one);
  for (const one of all) turns.add(one);
  while (planned.length > 0) turn();
  expect(done).toHaveLength(190);
});

it('lets a worker come back that had nothing to do', () => {
  const { turns, done, worker, turn } = rig();
  const idle = worker('idle', 0);
  turns.add(idle);
  turn();
  turns.add(worker('busy', 1));
  turns.add(idle);
  turn();
  expect(done).toEqual(['busy']);
});
