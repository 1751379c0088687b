import { expect, it } from 'vitest';
import { objectKey, type ObjectKey } from '@flotilla/model';
import type { EncodedBatch } from './encoded.ts';
import { thisWriter } from './format.ts';
import { TooLargeError } from './port.ts';
import { createBusState } from './state.ts';

const key = (name: string): ObjectKey => objectKey({ namespace: 'shop', name, cluster: 'Kubernetes' });
const batch = (values: Record<string, number>, gone: readonly string[] = []): EncodedBatch => ({
  writer: thisWriter,
  session: 's',
  seq: 1,
  complete: [],
  delete: gone.map((name) => ({ collection: 'gateways', key: key(name) })),
  put: Object.entries(values).map(([name, size]) => ({
    collection: 'gateways',
    key: key(name),
    version: '',
    text: JSON.stringify('x'.repeat(size)),
  })),
});

it('a state that would become too large stays as it was, and takes what fits', () => {
  const state = createBusState({ maxBytes: 10_000 });
  state.take(batch({ a: 4000, b: 4000 }));
  expect(() => state.take(batch({ c: 4000 }))).toThrow(TooLargeError);
  expect(state.whole().put.map((put) => put.key.name)).toEqual(['a', 'b']);
  for (let size = 3000; size < 3050; size += 1) state.take(batch({ a: size }));
  state.take(batch({ c: 4000 }, ['b']));
  expect(state.whole().put.map((put) => put.key.name)).toEqual(['a', 'c']);
});
