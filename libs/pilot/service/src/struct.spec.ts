import { expect, it } from 'vitest';
import { structToJson, weightOf } from './struct.ts';

it('a struct is plain data', () =>
  expect(
    structToJson({
      fields: {
        text: { stringValue: '' },
        none: { nullValue: 0 },
        list: { listValue: { values: [{ numberValue: 0 }, { boolValue: false }, {}] } },
        inner: { structValue: { fields: { a: { stringValue: 'b' } } } },
      },
    }),
  ).toEqual({ text: '', none: null, list: [0, false, null], inner: { a: 'b' } }));

it('weighs texts by their characters, and each entry beside them', () => {
  expect([weightOf('abc'), weightOf(5), weightOf(null), weightOf(undefined), weightOf([])]).toEqual([6, 0, 0, 0, 0]);
  expect(weightOf({ key: 'value' })).toBe(64 + 6 + 10);
  expect(weightOf({ a: [1, 'bc', { d: true }] })).toBe(64 + 2 + 3 * 64 + 4 + 64 + 2);
  expect(weightOf(Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`k${i}`, 1])))).toBeGreaterThan(64_000);
});
