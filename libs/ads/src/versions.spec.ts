import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Versions } from './versions.ts';

it('holds what was sent last, and has one sum for the same whatever the way there', () => {
  const name = fc.integer({ min: 0, max: 99 }).map(String);
  const change = fc.record({
    put: fc.array(fc.record({ name, version: fc.constantFrom('1', '2') }), { maxLength: 5 }),
    gone: fc.array(name, { maxLength: 3 }),
  });
  fc.assert(
    fc.property(
      fc.dictionary(name, fc.constantFrom('1', '2'), { maxKeys: 100 }),
      fc.array(change, { maxLength: 30 }),
      (start, changes) => {
        const expected = new Map(Object.entries(start));
        const versions = new Versions(expected);
        for (const { put, gone } of changes) {
          for (const one of gone) versions.delete(one);
          for (const one of put) versions.put(one);
          for (const one of gone) expected.delete(one);
          for (const one of put) expected.set(one.name, one.version);
        }
        versions.keep((one) => !one.endsWith('0'));
        for (const one of [...expected.keys()]) if (one.endsWith('0')) expected.delete(one);
        expect([...versions.names()].sort()).toEqual([...expected.keys()].sort());
        expect([...expected.keys()].map((one) => versions.get(one))).toEqual([...expected.values()]);
        expect([versions.sum, versions.size]).toEqual([new Versions(expected).sum, expected.size]);
      },
    ),
  );
});
