import { expect, it } from 'vitest';
import { resourceKey } from '@flotilla/pilot-xds';
import { UnknownNames } from './unknown-names.ts';

const key = (name: string) => resourceKey({ kind: 'eds', name });

it('are watched as far as the proxy and its identity may, and counted either way until they are removed', () => {
  let mayWatch = true;
  const names = new UnknownNames(2, () => mayWatch);
  expect(names.add(key('a'))).toEqual({ isWatched: true, isFirst: false });
  mayWatch = false;
  expect(names.add(key('b'))).toEqual({ isWatched: false, isFirst: true });
  mayWatch = true;
  expect(names.add(key('c'))).toEqual({ isWatched: true, isFirst: false });
  expect(names.add(key('d'))).toEqual({ isWatched: false, isFirst: false });
  expect([names.size, names.watched, names.unwatched]).toEqual([4, 2, 2]);
  names.remove(key('b'), false);
  names.remove(key('c'), true);
  expect([names.size, names.watched, names.unwatched]).toEqual([2, 1, 1]);
  expect(names.add(key('e'))).toEqual({ isWatched: true, isFirst: false });
});
