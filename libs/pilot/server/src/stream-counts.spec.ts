import { expect, it } from 'vitest';
import { StreamCounts } from './stream-counts.ts';

const limits = {
  xdsStreams: 10,
  xdsStreamsPerIdentity: 10,
  xdsNamesPerIdentity: 10,
  xdsTotalNames: 10,
  xdsNodeBytesPerIdentity: 10,
  xdsTotalNodeBytes: 10,
  xdsQueuedBytesPerIdentity: 10,
  xdsTotalQueuedBytes: 10,
  xdsUnknownNamesPerIdentity: 10,
  xdsWatchedUnknownNamesPerIdentity: 3,
};

it('a client may watch unknown names until all of its streams watch as many as it may, and is not refused', () => {
  const counts = new StreamCounts(limits);
  expect(counts.keep('web', 'watchedUnknownNames', 2)).toBeUndefined();
  expect(counts.mayWatchUnknown('web')).toBe(true);
  expect(counts.keep('web', 'watchedUnknownNames', 2)).toBeUndefined();
  expect([counts.mayWatchUnknown('web'), counts.mayWatchUnknown('other')]).toEqual([false, true]);
  counts.keep('web', 'watchedUnknownNames', -2);
  expect(counts.mayWatchUnknown('web')).toBe(true);
});
