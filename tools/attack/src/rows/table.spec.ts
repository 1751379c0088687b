import { expect, it } from 'vitest';
import { idOf } from '../attack.ts';
import { rows } from './index.ts';

it('the table names each row once, and says what is done and what must hold', () => {
  const ids = rows.map(idOf);
  expect(ids.filter((id, i) => ids.indexOf(id) !== i)).toEqual([]);
  expect(rows.filter(({ describe }) => !/\w.*: \w/.test(describe)).map(idOf)).toEqual([]);
});

it('ten rows are quick, of as many kinds as possible', () => {
  const quick = rows.filter(({ form }) => form === 'quick');
  expect(quick).toHaveLength(10);
  expect(new Set(quick.map(({ kind }) => kind)).size).toBeGreaterThan(6);
});
