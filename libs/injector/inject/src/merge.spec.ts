import { expect, it } from 'vitest';
import { strategicMerge } from './merge.ts';

it('lists merge by their key, the overlay first', () => {
  const base = {
    containers: [
      {
        name: 'app',
        env: [
          { name: 'A', value: '1' },
          { name: 'B', value: '2' },
        ],
      },
    ],
  };
  const overlay = {
    containers: [
      { name: 'proxy' },
      {
        name: 'app',
        env: [
          { name: 'C', value: '3' },
          { name: 'B', value: 'x' },
        ],
      },
    ],
  };
  expect(strategicMerge(base, overlay)).toEqual({
    containers: [
      { name: 'proxy' },
      {
        name: 'app',
        env: [
          { name: 'C', value: '3' },
          { name: 'A', value: '1' },
          { name: 'B', value: 'x' },
        ],
      },
    ],
  });
});
it('lists without a key are replaced, and null deletes', () => {
  expect(strategicMerge({ args: ['a'], command: ['b'], image: 'i' }, { args: ['c'], image: null })).toEqual({
    args: ['c'],
    command: ['b'],
  });
});
