import { expect, it } from 'vitest';
import { compareSpecific } from './host.ts';

it('hosts in order: longer ones first, then by name, wildcards last', () => {
  expect(['b.test', '*.test', 'a.test', 'www.a.test', '*', '*.a.test'].sort(compareSpecific)).toEqual([
    'www.a.test',
    'a.test',
    'b.test',
    '*.a.test',
    '*.test',
    '*',
  ]);
});
