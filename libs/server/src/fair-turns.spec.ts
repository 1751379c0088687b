import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createFairTurns } from './fair-turns.ts';

/** Turns by hand: `enter` gives the sizes that came in, in order. */
function rig() {
  const planned: (() => void)[] = [];
  const turns = createFairTurns((turn) => planned.push(turn));
  const entered: number[] = [];
  const add = (size: number): void => void turns(size).then(() => entered.push(size));
  const turn = async (): Promise<number> => {
    const due = planned.splice(0);
    for (const run of due) run();
    await Promise.resolve();
    return due.length;
  };
  return { add, turn, entered };
}

it('lets in the oldest and the smallest alternately', async () => {
  const { add, turn, entered } = rig();
  for (const size of [9, 8, 7, 1, 6, 2]) add(size);
  while ((await turn()) > 0);
  expect(entered).toEqual([9, 1, 8, 2, 7, 6]);
});

it('lets in one in each turn, everyone in the end, a late small one soon', () =>
  fc.assert(
    fc.asyncProperty(fc.array(fc.array(fc.integer({ min: 1, max: 100 }), { maxLength: 5 })), async (arrivals) => {
      const { add, turn, entered } = rig();
      for (const sizes of arrivals) {
        sizes.forEach(add);
        expect(await turn()).toBeLessThanOrEqual(1);
      }
      add(0);
      for (let i = 0; i < 2; i += 1) await turn();
      expect(entered).toContain(0);
      while ((await turn()) > 0);
      const all = [...arrivals.flat(), 0];
      expect(entered.toSorted((a, b) => a - b)).toEqual(all.sort((a, b) => a - b));
    }),
  ));
