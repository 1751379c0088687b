import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Holders } from './holders.ts';

it('has the files of each resource in order of their paths, whatever comes and goes', () => {
  const change = fc.record({
    id: fc.constantFrom('a', 'b', '__proto__'),
    path: fc.stringMatching(/^[a-c]{1,2}$/),
    holds: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 60 }), (changes) => {
      const holders = new Holders();
      const expected = new Map<string, Set<string>>();
      for (const { id, path, holds } of changes) {
        holders.set(id, path, holds);
        const paths = expected.get(id) ?? new Set();
        expected.set(id, paths);
        if (holds) paths.add(path);
        else paths.delete(path);
      }
      const there = [...expected]
        .filter(([, paths]) => paths.size > 0)
        .map(([id, paths]): [string, string[]] => [id, [...paths].sort()]);
      expect(new Map(holders.entries())).toEqual(new Map(there));
      for (const [id, paths] of expected) expect(holders.of(id)).toEqual([...paths].sort());
    }),
  );
});

it('compares a path with few others when a resource is in 20,000 files', () => {
  const holders = new Holders();
  for (let i = 0; i < 20_000; i += 1) holders.set('id', `/config/${i}`, true);
  let comparisons = 0;
  const path = { toString: () => '/config/10', [Symbol.toPrimitive]: () => ((comparisons += 1), '/config/10') };
  holders.set('id', path as unknown as string, true);
  expect(comparisons).toBeLessThan(40);
});
