import { Readable } from 'node:stream';
import { expect, it } from 'vitest';
import { holdable } from './hold.ts';

it('reads nothing ahead while it is held, and goes on where it was', () => {
  let asked = 0;
  const stream = new Readable({ objectMode: true, read: () => void (asked += 1) });
  const flow = holdable(stream);
  const got: number[] = [];
  stream.on('data', (item: number) => got.push(item));
  stream.read(0);
  expect(asked).toBe(1);
  flow.hold();
  stream.push(1);
  for (let i = 0; i < 20; i += 1) stream.read(0);
  expect([got, asked]).toEqual([[1], 1]);
  flow.release();
  flow.release();
  expect(asked).toBe(2);
});
