import fc from 'fast-check';
import { expect, it } from 'vitest';
import { applyPatch, buildPatch } from './json-patch.ts';

/** JSON as objects of the API are: members may be absent, never undefined. */
const value = fc.jsonValue({ maxDepth: 4 });

it('a patch turns the one value into the other', () => {
  fc.assert(
    fc.property(value, value, (from, to) => {
      expect(applyPatch(from, buildPatch(from, to))).toEqual(to);
    }),
  );
});
it('equal values need no operation', () => {
  fc.assert(
    fc.property(value, (one) => {
      expect(buildPatch(one, structuredClone(one))).toEqual([]);
    }),
  );
});
