import { expect, it } from 'vitest';
import type { Credential } from '@flotilla/model';
import { createPending, type WireUpdate } from './pending-credentials.ts';

const credential = (bytes: number): Credential => ({ certificate: Buffer.alloc(bytes) });
const held = (...entries: (readonly [string, number])[]): Map<string, Credential> => new Map(entries.map(([key, bytes]) => [key, credential(bytes)]));
/** A watcher that takes `room` messages before it has to catch up. */
function rig(room: number) {
  const sent: string[] = [];
  let left = room;
  const write = ({ complete, put, delete: gone }: WireUpdate): boolean => {
    sent.push(`${[...put].map(([key, { certificate }]) => `${key}:${certificate?.length}`).join(' ')}${gone.map((key) => ` -${key}`).join('')}${complete ? ' complete' : ''}`.trim());
    left -= 1;
    return left > 0;
  };
  const pending = createPending(write);
  return { sent, pending, drain: (more: number): void => { left = more; pending.onDrain(); } };
}

it('a state without credentials is complete with one empty message, and said once', () => {
  const { sent, pending } = rig(10);
  pending.begin(new Map());
  pending.add({ put: held(['a', 1]), delete: [] });
  expect(sent).toEqual(['complete', 'a:1']);
});

it('messages are closed at their limit, and the last of the first state says so', () => {
  const { sent, pending } = rig(10);
  pending.begin(held(['a', 1 << 20], ['b', 900_000], ['c', 900_000], ['d', 1]));
  expect(sent).toEqual(['a:1048576', 'b:900000 c:900000', 'd:1 complete']);
});

it('who reads slowly gets the latest of each, once', () => {
  const { sent, pending, drain } = rig(1);
  pending.begin(held(['a', 1 << 20], ['b', 1]));
  for (let bytes = 2; bytes < 50; bytes += 1) pending.add({ put: held(['b', bytes], ['c', bytes]), delete: [] });
  pending.add({ put: new Map(), delete: ['c'] });
  expect(sent).toEqual(['a:1048576']);
  drain(1);
  expect(sent.slice(1)).toEqual(['b:49 -c complete']);
  pending.add({ put: held(['d', 1]), delete: [] });
  expect(sent.slice(2)).toEqual([]);
  drain(2);
  expect(sent.slice(2)).toEqual(['d:1']);
});
