import { expect, it } from 'vitest';
import { Lru } from './index.ts';

it('keeps what was used last, up to its limit', () => {
  const lru = new Lru<string>(10);
  lru.set('a', 'A', 4);
  lru.set('b', 'B', 4);
  expect(lru.get('a')).toBe('A');
  lru.set('c', 'C', 4);
  expect([lru.get('a'), lru.get('b'), lru.get('c')]).toEqual(['A', undefined, 'C']);
  lru.set('a', 'A2', 10);
  expect([lru.get('a'), lru.get('c')]).toEqual(['A2', undefined]);
  lru.set('d', 'D', 11);
  expect([lru.get('a'), lru.get('d')]).toEqual([undefined, undefined]);
});
