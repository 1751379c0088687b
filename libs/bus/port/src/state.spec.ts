import { expect, it } from 'vitest';
import type { EncodedBatch } from './encoded.ts';
import { thisWriter } from './format.ts';
import { TooLargeError } from './port.ts';
import { createBusState } from './state.ts';

const batch = (values: Record<string, number>, gone: readonly string[] = []): EncodedBatch => ({
  writer: thisWriter,
  session: 's',
  seq: 1,
  complete: [],
  delete: gone.map((key) => ({ collection: 'gateways', key })),
  put: Object.entries(values).map(([key, size]) => ({
    collection: 'gateways',
    key,
    version: '',
    text: JSON.stringify('x'.repeat(size)),
  })),
});

it('a state that would become too large stays as it was, and takes what fits', () => {
  const state = createBusState({ maxBytes: 10_000 });
  state.take(batch({ a: 4000, b: 4000 }));
  expect(() => state.take(batch({ c: 4000 }))).toThrow(TooLargeError);
  expect(state.whole().put.map(({ key }) => key)).toEqual(['a', 'b']);
  for (let size = 3000; size < 3050; size += 1) state.take(batch({ a: size }));
  state.take(batch({ c: 4000 }, ['b']));
  expect(state.whole().put.map(({ key }) => key)).toEqual(['a', 'c']);
});
