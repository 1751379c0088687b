import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkLocalitySetting } from './locality.ts';
import { maxProblems, repeatedIn, Report, shortList } from './report.ts';
import { warnOfUnreachableRules } from './unreachable-rules.ts';

const pairs = (n: number): [number, number][] =>
  Array.from({ length: n }, (_, i) =>
    Array.from({ length: n - i - 1 }, (_none, k): [number, number] => [i, i + 1 + k]),
  ).flat();

it('localities overlap as Istio says', () => {
  const part = fc.constantFrom('a', 'b', '*', '');
  const locality = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'));
  /** Istio's validateLocalities, as it is told of in its tests: the first locality that is wrong. */
  const reference = (names: readonly string[]): string | undefined => {
    const seen: string[][] = [];
    return names.find((name) => {
      if (name.split('*').length > 2 || (name.includes('*') && !name.endsWith('*'))) return true;
      const [region = '', zone, ...rest] = name.split('/');
      const parts = [region, ...(zone === undefined ? [] : [zone]), ...(rest.length > 0 ? [rest.join('/')] : [])];
      const inside = (earlier: readonly string[]): boolean => {
        for (let i = 0; i < 3; i += 1) {
          if ((earlier[i] ?? '*') === '*' || parts[i] === undefined) return true;
          if (earlier[i] !== parts[i]) return false;
        }
        return true;
      };
      if (seen.some(([first]) => first === '*') || parts.includes('') || seen.some(inside)) return true;
      seen.push(parts);
      return false;
    });
  };
  fc.assert(
    fc.property(fc.array(locality, { minLength: 1, maxLength: 6 }), (names) => {
      const report = new Report();
      checkLocalitySetting(
        { distribute: names.map((from) => ({ from, to: { x: 100 } })) },
        { path: '', hasOutlierDetection: true },
        report,
      );
      const wrong = reference(names);
      expect(report.problems.map(({ message }) => message.split(' ')[1])).toEqual(wrong === undefined ? [] : [wrong]);
    }),
  );
});

it('matches by prefix are covered as a comparison of all pairs says', () => {
  const match = fc.record({
    prefix: fc.constantFrom('/', '/a', '/a/b', '/ab', '/b'),
    port: fc.constantFrom(0, 80),
    header: fc.constantFrom('', 'v', 'vw'),
  });
  fc.assert(
    fc.property(fc.array(match, { maxLength: 12 }), (all) => {
      const distinct = all.filter(
        (one, i) => all.findIndex((other) => JSON.stringify(other) === JSON.stringify(one)) === i,
      );
      const http = distinct.map(({ prefix, port, header }) => ({
        match: [
          { uri: { prefix }, ...(port ? { port } : {}), ...(header ? { headers: { x: { exact: header } } } : {}) },
        ],
      }));
      const report = new Report();
      warnOfUnreachableRules({ http }, report);
      const covered = pairs(distinct.length).filter(([i, n]) => {
        const [a, b] = [distinct[i], distinct[n]];
        if (!a || !b || a.prefix === b.prefix || !b.prefix.startsWith(a.prefix) || a.port !== b.port) return false;
        return (a.header === '') === (b.header === '') && a.header.startsWith(b.header);
      });
      expect(
        report.problems.map(({ path, message }) => [path, /in rule #\d+ of prefix \S+ on (#\d+)/.exec(message)?.[1]]),
      ).toEqual(covered.map(([i, n]) => [`spec.http[${n}].match[0]`, `#${i}`]));
    }),
  );
});

describe('a report', () => {
  it('lists the first of very many problems and counts the rest, errors apart from warnings', () => {
    const report = new Report();
    for (let i = 0; i < maxProblems + 7; i += 1) report.warn('spec', `w${i}`);
    for (let i = 0; i < maxProblems + 1; i += 1) report.error('spec', `e${i}`);
    expect(report.problems).toHaveLength(2 * maxProblems + 2);
    expect(report.problems.slice(-2).map(({ level, message }) => [level, message])).toEqual([
      ['error', '1 more errors are not listed; solve these first'],
      ['warning', '7 more warnings are not listed; solve these first'],
    ]);
  });
  it('shortens lists and finds what is repeated', () => {
    expect([shortList(['a', 'b'], ', '), shortList(Array(60).fill('a'), ' ').slice(-15)]).toEqual([
      'a, b',
      'a a and 10 more',
    ]);
    expect(repeatedIn(['a', 'b', 'a', 'a', 'c'])).toEqual(['a', 'a']);
  });
});
