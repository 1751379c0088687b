import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createFairSet } from './fair-set.ts';

const groupOf = (member: string): string => member.slice(0, 1);
function open(most: number) {
  const held: string[] = [];
  const set = createFairSet({
    most,
    groupOf,
    hold: (member) => void held.push(member),
    release: (member) => void held.splice(held.indexOf(member), 1),
  });
  return { set, held };
}

describe('a fair set', () => {
  it('leaves room for other groups, whatever one group adds', () => {
    const { set, held } = open(4);
    expect(['a1', 'a2', 'a3', 'a4', 'a5'].map((member) => set.add(member))).toEqual([true, true, false, false, false]);
    expect(set.add('b1')).toBe(true);
    expect([held, set.waitingCount, set.isWaiting('a3')]).toEqual([['a1', 'a2', 'b1'], 3, true]);
  });

  it('holds the next member once one has left, by turns of the groups', () => {
    const events: string[] = [];
    const set = createFairSet({
      most: 1,
      groupOf,
      hold: (member) => void events.push(`+${member}`),
      release: (member) => void events.push(`-${member}`),
    });
    for (const member of ['a1', 'a2', 'a3', 'a4', 'b1', 'b2']) set.add(member);
    for (const member of ['a4', 'nothing', 'a1', 'a2', 'b1', 'a3']) set.delete(member);
    expect(events.join(' ')).toBe('+a1 -a1 +a2 -a2 +b1 -b1 +a3 -a3 +b2');
    expect([set.isHeld('b2'), set.waitingCount]).toEqual([true, 0]);
  });

  it('never holds too many, and lets nobody wait who may be held', () => {
    const member = fc
      .tuple(fc.constantFrom('a', 'b', 'c'), fc.integer({ min: 0, max: 8 }))
      .map((parts) => parts.join(''));
    const steps = fc.array(fc.record({ member, isAdded: fc.boolean() }), { maxLength: 80 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9 }), steps, (most, all) => {
        const { set, held } = open(most);
        const there = new Set<string>();
        for (const { member, isAdded } of all) {
          if (isAdded === there.has(member)) continue;
          if (isAdded) set.add(member);
          else set.delete(member);
          if (isAdded) there.add(member);
          else there.delete(member);
          expect(held.length).toBeLessThanOrEqual(most);
          expect(held.length + set.waitingCount).toBe(there.size);
          for (const one of there) {
            expect(set.isHeld(one)).toBe(held.includes(one));
            const ofGroup = held.filter((other) => groupOf(other) === groupOf(one)).length;
            if (set.isWaiting(one)) expect(ofGroup).toBeGreaterThanOrEqual(most - held.length);
          }
        }
      }),
    );
  });
});
