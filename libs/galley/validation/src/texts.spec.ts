import fc from 'fast-check';
import { RE2JS } from 're2js';
import { describe, expect, it } from 'vitest';
import { celMistake } from './cel.ts';
import { headerValueMistake } from './headers.ts';
import { prefixMistake } from './ip.ts';
import { fqdnMistake, splitHostPort, wildcardDomainMistake } from './names.ts';
import { re2Mistake } from './regex.ts';

describe('texts inside configuration', () => {
  it('knows blocks of addresses', () => {
    expect([prefixMistake('10.0.0.0/8'), prefixMistake('::/0')]).toEqual([undefined, undefined]);
    expect(
      ['10.0.0.0/33', '10.0.0.0/', '10.0.0.0/08', 'x/8', '::/129'].map((text) => prefixMistake(text) !== undefined),
    ).toEqual([true, true, true, true, true]);
  });

  it.each(['web', 'web.shop.svc.cluster.local', 'a.test.', 'A-1'])('%s is a name', (text) =>
    expect(fqdnMistake(text)).toBeUndefined(),
  );
  it.each(['', 'a..b', '-a', 'a_b', '*.a', '1.2', 'a'.repeat(64), `${'a.'.repeat(128)}a`])('%s is none', (text) =>
    expect(fqdnMistake(text)).toBeDefined(),
  );
  it.each(['*', '*.a', '*-a.b', '*a'])('%s is a name with a wildcard', (text) =>
    expect(wildcardDomainMistake(text)).toBeUndefined(),
  );
  it('splits hosts from ports', () => {
    expect([splitHostPort('a:1'), splitHostPort('[::1]:1'), splitHostPort(':1')]).toEqual([
      { host: 'a', port: '1' },
      { host: '::1', port: '1' },
      { host: '', port: '1' },
    ]);
    expect(['a', '::1:2', '[::1]', ''].map((text) => 'mistake' in splitHostPort(text))).toEqual([
      true,
      true,
      true,
      true,
    ]);
  });

  it.each([
    '',
    'a*?',
    '(?i)a|b',
    '[]a]',
    '[^]-]',
    '[[:alpha:]-z]',
    'a{2,3}?',
    'a{',
    '(?P<n>x)(?:y)',
    '\\d\\pL\\p{Greek}\\x{1F}',
    '\\Q(\\E',
    '^$',
    '(|a)',
    '\\.',
    'x{2}',
  ])('%s is an expression of RE2', (text) => expect(re2Mistake(text)).toBeUndefined());
  it.each([
    ['*', 'missing argument to repetition operator: `*`'],
    ['a**', 'invalid nested repetition operator: `**`'],
    ['a++', 'invalid nested repetition operator: `++`'],
    ['[a', 'missing closing ]: `[a`'],
    ['(a', 'missing closing ): `(a`'],
    ['a)', 'unexpected ): `a)`'],
    ['(?=a)', 'invalid or unsupported Perl syntax: `(?=`'],
    ['a{1001}', 'invalid repeat count: `{1001}`'],
    ['[z-a]', 'invalid character class range: `z-a`'],
    ['\\8', 'invalid escape sequence: `\\8`'],
    ['a\\', 'trailing backslash at end of expression: ``'],
  ])('%s is none', (text, message) => expect(re2Mistake(text)).toBe(`error parsing regexp: ${message}`));

  it.each(['', 'a', '100%%', '%START_TIME%', 'x %REQ(a)% y', '%DYNAMIC_METADATA(["a", "b"])%'])(
    "%s is a header's value",
    (text) => expect(headerValueMistake(text)).toBeUndefined(),
  );
  it.each(['%', 'abc%123', '%START_TIME%%', '%X(["a"%', '%X(["a" "b"])%', '%X([a])%', 'a\nb'])('%j is none', (text) =>
    expect(headerValueMistake(text)).toBeDefined(),
  );

  it('reads any text without throwing', () => {
    const bits = fc
      .array(
        fc.constantFrom(
          '(',
          ')',
          '[',
          ']',
          '{',
          '}',
          '*',
          '+',
          '?',
          '\\',
          '|',
          'a',
          '1',
          '%',
          '"',
          "'",
          ',',
          ':',
          '.',
          '-',
          ' ',
        ),
        { maxLength: 24 },
      )
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(fc.oneof(bits, fc.string()), (text) => {
        for (const read of [re2Mistake, celMistake, headerValueMistake, fqdnMistake, prefixMistake]) read(text);
      }),
    );
  });

  it('takes the expressions of RE2 that another reader of RE2 takes', () => {
    const bits = [
      '(',
      ')',
      ')',
      '[',
      ']',
      '|',
      '*',
      '+',
      '?',
      '{2}',
      '{2,}',
      '{0}',
      '{3,2}',
      '{30}',
      '{1001}',
      '{01}',
      '{,2}',
      'a',
      'z',
      '-',
      '^',
      '$',
      '.',
      '\\',
      '(?:',
      '(?i)',
      '(?s-i:',
      '(?=',
      '(?P<n>',
      '(?P<>',
      '\\S',
      '\\d',
      '\\pL',
      '\\p{^Greek}',
      '\\p{Foo}',
      '\\x41',
      '\\x{1F600}',
      '\\x{110000}',
      '\\Q',
      '\\E',
      '\\b',
      '\\z',
      '\\Z',
      '\\C',
      '\\12',
      '\\8',
      '\\_',
      '\\é',
      'é',
      '😀',
      '[:alpha:]',
      '[:^foo:]',
      '[^',
      '\n',
    ];
    const compiles = (text: string): boolean => {
      try {
        return RE2JS.compile(text) instanceof RE2JS;
      } catch {
        return false;
      }
    };
    const isNamedOnce = (text: string): boolean => text.split('(?P<n>').length < 3;
    fc.assert(
      fc.property(
        fc
          .array(fc.constantFrom(...bits), { maxLength: 8 })
          .map((parts) => parts.join(''))
          .filter(isNamedOnce),
        (text) => {
          expect(re2Mistake(text) === undefined).toBe(compiles(text));
        },
      ),
      { numRuns: 2000 },
    );
  });

  it.each([
    ['(a{1000}){2}', '{2}'],
    ['((a{10}){11}){10}', '{10}'],
    ['(?:a{500}|b{30}){3}?', '{3}?'],
    ['a{1001}', '{1001}'],
    ['a{2,1}', '{2,1}'],
  ])('counts what %s repeats', (text, count) => {
    expect(re2Mistake(text)).toBe(`error parsing regexp: invalid repeat count: \`${count}\``);
  });
  it.each(['((a{10}){10}){10}', '(a{1000}){0}', '((a{40}){0}){500}', 'a{30}b{30}c{1000}', '(a*){1000}'])(
    '%s repeats nothing too often',
    (text) => expect(re2Mistake(text)).toBeUndefined(),
  );
});
