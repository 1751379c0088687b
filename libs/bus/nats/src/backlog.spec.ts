import { expect, it } from 'vitest';
import { thisWriter } from '@flotilla/bus-port';
import { createBacklog } from './backlog.ts';

it('keeps few changes while the log cannot be written, then none, until a base has them', () => {
  const backlog = createBacklog();
  const change = { writer: thisWriter, session: 's', seq: 1, put: [], delete: [], complete: [] };
  for (let i = 0; i < 256; i += 1) backlog.add(change);
  expect([backlog.overflowed, backlog.take()?.version]).toEqual([false, 1]);
  for (let i = 0; i < 10_000; i += 1) backlog.add(change);
  expect([backlog.overflowed, backlog.isEmpty, backlog.take(), backlog.version]).toEqual([
    true,
    false,
    undefined,
    10_256,
  ]);
  backlog.clear();
  backlog.add(change);
  expect([backlog.overflowed, backlog.take()?.version]).toEqual([false, 10_257]);
});
