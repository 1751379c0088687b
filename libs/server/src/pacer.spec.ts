import { expect, it } from 'vitest';
import { createPacer, type Paced } from './pacer.ts';

function rig() {
  const turns: (() => void)[] = [];
  const done: string[] = [];
  let time = 0;
  const wait = createPacer({ now: () => time, later: (turn) => void turns.push(turn) });
  /** Needs so many steps of so many milliseconds. */
  const paced = (name: string, steps: number, ms: number): Paced => ({
    step() {
      done.push(name);
      time += ms;
      steps -= 1;
      return steps > 0;
    },
  });
  const turn = (): string => {
    turns.shift()?.();
    return done.splice(0).join('');
  };
  return { wait, paced, turn, turns };
}

it('does one step of each in turn', () => {
  const { wait, paced, turn, turns } = rig();
  for (const [name, steps] of [
    ['a', 3],
    ['b', 1],
    ['c', 2],
  ] as const)
    wait(paced(name, steps, 1));
  expect(turn()).toBe('abcaca');
  expect(turns).toEqual([]);
});

it('goes on in a later turn when steps have taken 10 ms, with those that have waited longest', () => {
  const { wait, paced, turn } = rig();
  for (const name of ['a', 'b', 'c']) wait(paced(name, 3, 5));
  expect([turn(), turn(), turn(), turn(), turn(), turn()]).toEqual(['ab', 'ca', 'bc', 'ab', 'c', '']);
});

it('does a step of one that comes later, after those that wait', () => {
  const { wait, paced, turn } = rig();
  wait(paced('a', 3, 10));
  expect(turn()).toBe('a');
  wait(paced('b', 1, 10));
  expect([turn(), turn(), turn()]).toEqual(['a', 'b', 'a']);
});

it('plans one turn, whoever waits while another is taken', () => {
  const { wait, paced, turn, turns } = rig();
  const late = paced('b', 3, 10);
  wait({
    step() {
      wait(late);
      return paced('a', 1, 10).step();
    },
  });
  expect(turn()).toBe('a');
  expect(turns).toHaveLength(1);
  expect([turn(), turn(), turn()]).toEqual(['b', 'b', 'b']);
  expect(turns).toEqual([]);
});
