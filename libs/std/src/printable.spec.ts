import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { namesSecret, printable, printableData } from './index.ts';

const anyText = fc.string({
  unit: fc.oneof(
    fc.constantFrom(
      '\n',
      '\r',
      '\u001b[31m',
      '\u202e',
      '\u2028',
      '\ud800',
      '\udc00',
      '\u0085',
      '\u{e0041}',
      '😀',
      'é',
      'a',
      '"',
      '\\',
    ),
    fc.string({ unit: 'binary' }),
  ),
});
const unsafe = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;

describe('printable', () => {
  it.each([
    ['plain-name.shop', 'plain-name.shop'],
    ['two\nlines\r\tx', 'two\\nlines\\r\\tx'],
    ['\u001b[31mred', '\\u001b[31mred'],
    ['a\u202egnp.exe', 'a\\u202egnp.exe'],
    ['\ud800x', '\\ud800x'],
    ['😀', '😀'],
    ['tag \u{e0041}', 'tag \\u{e0041}'],
    ['a\u2028b\u0085c\u200bd', 'a\\u2028b\\u0085c\\u200bd'],
    ['', ''],
  ])('writes %j as %j', (text, printed) => {
    expect(printable(text)).toBe(printed);
  });
  it('cuts what is long and says by how much, between characters', () => {
    expect(printable('x'.repeat(200))).toBe('x'.repeat(200));
    expect(printable('x'.repeat(250))).toBe(`${'x'.repeat(200)}… (50 more)`);
    expect(printable(`${'x'.repeat(9)}😀y`, 10)).toBe(`${'x'.repeat(9)}… (3 more)`);
  });
  it('is one safe line whatever the text', () => {
    fc.assert(
      fc.property(anyText, fc.integer({ min: 1, max: 300 }), (text, max) => {
        const printed = printable(text, max);
        expect(unsafe.test(printed)).toBe(false);
        expect(printed.length).toBeLessThanOrEqual(max * 9 + 20);
        expect(printable(printed, printed.length)).toBe(printed);
      }),
    );
  });
});

describe('printable data', () => {
  it('is bounded in texts, items, depth and altogether', () => {
    expect(printableData({ name: 'a\nb', list: Array.from({ length: 50 }, (_, i) => i) })).toEqual({
      name: 'a\\nb',
      list: [...Array(20).keys(), '… (30 more)'],
    });
    expect(printableData({ a: { b: { c: { d: { e: 1 } } } } })).toEqual({ a: { b: { c: { d: '…' } } } });
    const many = printableData(Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`k${i}`, 1]))) as Record<
      string,
      unknown
    >;
    expect([Object.keys(many).length, many['…']]).toEqual([21, '480 more']);
    expect(JSON.stringify(printableData(Array(20).fill('x'.repeat(1000)), { maxTotal: 500 })).length).toBeLessThan(700);
  });
  it('redacts by name at any depth, and shows neither bytes nor functions', () => {
    expect(
      printableData({
        peer: { privateKey: 'PEM', 'x-api-key': 1, keys: 3 },
        token: ['t'],
        bytes: new Uint8Array(5),
        error: new Error('no\nway'),
        run: () => 1,
        big: 12n,
        none: null,
        set: new Set(['a']),
        map: new Map([['password', 'p']]),
      }),
    ).toEqual({
      peer: { privateKey: '[redacted]', 'x-api-key': '[redacted]', keys: 3 },
      token: '[redacted]',
      bytes: '5 bytes',
      error: 'no\\nway',
      run: undefined,
      big: '12',
      none: null,
      set: ['a'],
      map: { password: '[redacted]' },
    });
  });
  it.each(['key', 'private_key', 'privateKey', 'bearer-token', 'NATS_PASSWORD', 'clientSecret', 'Authorization'])(
    'takes %s for a secret',
    (name) => {
      expect(namesSecret(name)).toBe(true);
    },
  );
  it.each(['keys', 'monkey', 'secrets', 'tokenCount', 'keyOf', 'proxy', ''])(
    'does not take %s for a secret',
    (name) => {
      expect(namesSecret(name)).toBe(false);
    },
  );
  it('never throws, stays bounded and gives what JSON holds', () => {
    fc.assert(
      fc.property(
        fc.anything({
          withBigInt: true,
          withMap: true,
          withSet: true,
          withTypedArray: true,
          withDate: true,
          withNullPrototype: true,
          withSparseArray: true,
        }),
        anyText,
        (value, text) => {
          const json = JSON.stringify({ data: printableData({ value, text }) });
          expect(json.length).toBeLessThan(40_000);
          expect(unsafe.test(json)).toBe(false);
        },
      ),
    );
  });
  it('ends for data that holds itself', () => {
    const loop: unknown[] = [];
    loop.push(loop, { loop });
    expect(printableData(loop)).toBeDefined();
  });
});
