import fc from 'fast-check';
import { expect, it } from 'vitest';
import { chunksOf, joined, lengthOf } from './chunks.ts';
import { hashBytes } from './hash.ts';

it('chunks are the same bytes in one piece and in several', () => {
  const bytes = fc.uint8Array({ maxLength: 20 });
  fc.assert(
    fc.property(fc.array(bytes), (chunks) => {
      const whole = joined(chunks);
      expect([...whole]).toEqual(chunks.flatMap((chunk) => [...chunk]));
      expect([lengthOf(chunks), lengthOf(whole)]).toEqual([whole.length, whole.length]);
      expect(hashBytes(chunks)).toBe(hashBytes(whole));
      expect([joined(whole), chunksOf(whole), chunksOf(chunks)]).toEqual([whole, [whole], chunks]);
    }),
  );
});
