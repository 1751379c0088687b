import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HostIndex } from './host-index.ts';
import { hostMatches, hostSubsetOf } from './host.ts';

const pairs = (n: number): [number, number][] =>
  Array.from({ length: n }, (_, i) =>
    Array.from({ length: n - i - 1 }, (_none, k): [number, number] => [i, i + 1 + k]),
  ).flat();
const host = fc
  .tuple(
    fc.constantFrom('', '*', '*.', '*-'),
    fc.array(fc.constantFrom('a', 'b', 'aa'), { minLength: 1, maxLength: 3 }),
  )
  .map(([start, labels]) => start + labels.join('.'));
const hosts = fc.array(fc.oneof(host, fc.constant('*')), { maxLength: 12 });

describe('hosts', () => {
  it('overlap as Istio says, each pair once', () => {
    fc.assert(
      fc.property(hosts, (names) => {
        const found = [...new HostIndex(names).overlaps()].sort(([a, b], [c, d]) => a - c || b - d);
        expect(found).toEqual(pairs(names.length).filter(([i, n]) => hostMatches(names[i] ?? '', names[n] ?? '')));
      }),
    );
  });
  it('cover what Istio says', () => {
    fc.assert(
      fc.property(hosts, host, (names, name) => {
        expect(new HostIndex(names).covers(name)).toBe(names.some((other) => hostSubsetOf(name, other)));
      }),
    );
  });
  it.each([
    [['a.test', 'b.test'], ['*.test'], ['a.test', 'b.test']],
    [['*.test'], ['*.x.test', 'y.test', 'z.example'], ['*.x.test', 'y.test']],
    [['*'], ['*'], ['*']],
    [['a.test'], ['b.test'], []],
  ])('of %j and %j have in common', (names, others, common) =>
    expect(new HostIndex(names).intersect(others)).toEqual(common),
  );
  it('have in common of each pair the one that is part of the other', () => {
    fc.assert(
      fc.property(hosts, hosts, (names, others) => {
        const common = names.flatMap((a) =>
          others.flatMap((b) => (hostSubsetOf(a, b) ? [a] : hostSubsetOf(b, a) ? [b] : [])),
        );
        expect(new HostIndex(names).intersect(others)).toEqual([...new Set(common)]);
      }),
    );
  });
  it('are compared no further than the caller reads', () => {
    const overlaps = new HostIndex(Array(50_000).fill('a.test')).overlaps()[Symbol.iterator]();
    expect([overlaps.next().value, overlaps.next().value, overlaps.next().value]).toEqual([
      [0, 1],
      [0, 2],
      [1, 2],
    ]);
  });
});
