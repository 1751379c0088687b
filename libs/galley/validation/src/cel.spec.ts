import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { celMistake } from './cel.ts';

describe('an expression of CEL', () => {
  it.each([
    'true',
    'response.code >= 400',
    '!has(a.b) || a[\'b\'].c(1, "x") ? 1u : -2.5e3',
    '[1, 2,].all(x, x in {"a": 1})',
    'a.B{c: 1}',
    'if.b{}',
    '.a.B{c: 1, d: 2,}',
    '"\\"" + r\'\\\'',
    "b'\\x41\\101' + bR'\\u0041'",
    '(((a)))',
    '[,] + {,}',
    'a.if.for',
    '--a && !!b',
    '!-1.5',
    '-9223372036854775808 + 0x7fffffffffffffff',
    'has((a.b)) || x.has(a) || .has(a) || has(a, b)',
    'a.map(x, x > 1, x) + a.all(1)',
    '1 // a comment',
  ])('is %s', (text) => expect(celMistake(text)).toBeUndefined());

  it.each(['', ')', 'a +', 'a b', 'a ? b', '[1', 'a.', '"a', 'a = 1', '{1}', 'f(,)', '#', '!--a', '1{}', 'a[1]{}'])(
    'is not %s',
    (text) => expect(celMistake(text)).toMatch(/^ERROR: <input>:1:\d+: Syntax error/),
  );
  it.each(['a.in', 'A{in: 1}', 'A{"x": 1}', '"\\q"', "'\\u00'", "'\\777'", 'Rb"x"', 'a ? b ? 1 : 2 : 3', 'a\u000b'])(
    'is not %j',
    (text) => expect(celMistake(text)).toMatch(/^ERROR: <input>:1:\d+: Syntax error/),
  );
  it.each([
    ["has(a['b'])", '1:4: invalid argument to has() macro'],
    ['has(a)', '1:4: invalid argument to has() macro'],
    ['has(a.b())', '1:4: invalid argument to has() macro'],
    ['a.all(1, b)', '1:7: argument must be a simple name'],
    ['a.exists_one(b.c, true)', '1:14: argument must be a simple name'],
    ['a.map(b.c, 1, 2)', '1:7: argument is not an identifier'],
    ['1 + for', '1:5: reserved identifier: for'],
    ['package()', '1:1: reserved identifier: package'],
    ['9223372036854775808', '1:1: invalid int literal'],
    ['--9223372036854775808', '1:3: invalid int literal'],
    ['18446744073709551616u', '1:1: invalid uint literal'],
    ['1e999', '1:1: invalid double literal'],
    ["b'\\u0041'", '1:1: unable to unescape string'],
  ])("is not %s, in cel-go's words", (text, message) => expect(celMistake(text)).toBe(`ERROR: <input>:${message}`));

  it('has a limit of length and depth', () => {
    expect(celMistake(`${'a+'.repeat(8192)}a`)).toBe('the expression is longer than 16384 characters');
    expect(celMistake('('.repeat(8000))).toMatch(/nested too deep/);
    for (const text of [
      '-'.repeat(16_000),
      'a.'.repeat(8000),
      '"'.repeat(16_000),
      "'''".repeat(5000),
      'a{'.repeat(8000),
    ])
      expect(celMistake(text)).toMatch(/^ERROR/);
  });

  it('may be put where an operand stands', () => {
    const operand = fc.constantFrom('a', '1', '"s"', '[1]', '{1: 2}', 'f(a)', 'a.b', 'A{}', '-1', '!a', '(a)');
    const { expression } = fc.letrec<{ expression: string }>((tie) => ({
      expression: fc.oneof(
        { maxDepth: 4 },
        operand,
        fc
          .tuple(tie('expression'), fc.constantFrom('+', '&&', ' in ', '<='), tie('expression'))
          .map((all) => all.join('')),
        tie('expression').map((text) => `(${text})[${text}].f(${text})`),
        tie('expression').map((text) => `(${text}) ? (${text}) : [${text}, {1: ${text}}]`),
        tie('expression').map((text) => `a.exists(x, ${text})`),
      ),
    }));
    fc.assert(
      fc.property(expression, (text) => {
        fc.pre(text.length < 5000);
        expect(celMistake(text)).toBeUndefined();
        expect(celMistake(`${text})`)).toBeDefined();
        expect(celMistake(`(${text}`)).toBeDefined();
      }),
    );
  });
});
