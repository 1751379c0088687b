import { Subject } from '@flotilla/query';
import { expect, it } from 'vitest';
import { Affected } from './affected.ts';

it('puts together what differs for a holder, and changes nothing of what lists share', () => {
  const holder = { subject: new Subject({}), onMoved() {} };
  const [first, second] = [new Set(['a']), new Set(['b', 'c'])];
  const affected = new Affected();
  affected.note(holder, 'eds', first);
  expect([...affected][0]?.[1].get('eds')).toBe(first);
  affected.note(holder, 'eds', second);
  affected.note(holder, 'eds', new Set(['d']));
  affected.note(holder, 'cds', second);
  affected.note(holder, 'rds', 'all');
  affected.note(holder, 'rds', second);
  affected.note(holder, 'lds', first);
  affected.note(holder, 'lds', 'all');
  expect([...affected].map(([, kinds]) => Object.fromEntries(kinds))).toEqual([
    { eds: new Set(['a', 'b', 'c', 'd']), cds: second, rds: 'all', lds: 'all' },
  ]);
  expect([first, second]).toEqual([new Set(['a']), new Set(['b', 'c'])]);
});
