import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareSpecific, hostMatches, hostSubsetOf, isWildcard, mostSpecificMatch, resolveShortName } from './host.ts';

const label = fc.constantFrom('a', 'b', 'aa');
const name = fc.array(label, { minLength: 1, maxLength: 3 }).map((labels) => labels.join('.'));
const host = fc.oneof(
  name,
  name.map((text) => `*.${text}`),
  name.map((text) => `*-${text}`),
  fc.constant('*'),
);
/** Names that a host of the alphabet above can mean. */
const names = ['a', 'b', 'aa'].flatMap((one) => [
  one,
  ...['a', 'b', 'aa'].flatMap((two) => [`${one}.${two}`, `x-${one}.${two}`]),
]);
const means = (pattern: string): string[] =>
  names.filter((one) => (isWildcard(pattern) ? one.endsWith(pattern.slice(1)) : one === pattern));

describe('hosts', () => {
  it('match when they name a common host', () => {
    fc.assert(
      fc.property(host, host, (a, b) => {
        if (means(a).some((one) => means(b).includes(one))) expect(hostMatches(a, b)).toBe(true);
        expect(hostMatches(a, b)).toBe(hostMatches(b, a));
      }),
    );
    expect(hostMatches('*.a.test', '*.b.test')).toBe(false);
    expect(hostMatches('a.test', '*.a.test')).toBe(false);
  });

  it('are a subset when everything that they name is named', () => {
    fc.assert(
      fc.property(host, host, host, (a, b, c) => {
        if (hostSubsetOf(a, b)) {
          expect(hostMatches(a, b)).toBe(true);
          expect(means(b)).toEqual(expect.arrayContaining(means(a)));
          if (hostSubsetOf(b, c)) expect(hostSubsetOf(a, c)).toBe(true);
        }
        expect(hostSubsetOf(a, a)).toBe(true);
      }),
    );
  });

  it('are sorted: longer ones first, then by name, wildcards last', () => {
    expect(['b.test', '*.test', 'a.test', 'www.a.test', '*', '*.a.test'].sort(compareSpecific)).toEqual([
      'www.a.test',
      'a.test',
      'b.test',
      '*.a.test',
      '*.test',
      '*',
    ]);
  });

  it('are found by the most specific name that covers them', () => {
    fc.assert(
      fc.property(host, fc.uniqueArray(host, { maxLength: 6 }), (wanted, given) => {
        const found = mostSpecificMatch(
          wanted,
          new Set(given.filter((one) => !isWildcard(one))),
          given.filter(isWildcard),
        );
        const covering = given.filter((one) => hostSubsetOf(wanted, one));
        // A wildcard is found by its own name first, whatever else covers it.
        expect(found).toBe(covering.includes(wanted) ? wanted : covering.filter(isWildcard).sort(compareSpecific)[0]);
      }),
    );
  });

  it.each([
    ['web', 'web.shop.svc.cluster.local'],
    ['web.bank', 'web.bank'],
    ['*', '*'],
    ['::1', '::1'],
    ['', ''],
  ])('by the short name %j are %j', (short, full) =>
    expect(resolveShortName(short, { namespace: 'shop' }, 'cluster.local')).toBe(full),
  );
});
