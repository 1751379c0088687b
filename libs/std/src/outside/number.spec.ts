import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hostileText } from './hostile-text.fixture.ts';
import { maxUint32, parseDecimal, parseInteger, parsePort, parseUint } from './number.ts';
import { parseTimestamp } from './timestamp.ts';
import { withoutTrailing } from './trim.ts';

describe('numbers', () => {
  it.each([
    ['0', 0],
    ['007', 7],
    ['4294967295', maxUint32],
  ])('reads %j without a sign', (text, value) => expect(parseUint(text, maxUint32)).toEqual({ ok: true, value }));
  it.each([
    ['', 'strconv.ParseUint: parsing "": invalid syntax'],
    ['-1', 'strconv.ParseUint: parsing "-1": invalid syntax'],
    ['+1', 'strconv.ParseUint: parsing "+1": invalid syntax'],
    ['1_0', 'strconv.ParseUint: parsing "1_0": invalid syntax'],
    ['0x1', 'strconv.ParseUint: parsing "0x1": invalid syntax'],
    ['１', 'strconv.ParseUint: parsing "１": invalid syntax'],
    ['4294967296', 'strconv.ParseUint: parsing "4294967296": value out of range'],
    [
      '1'.repeat(200),
      `strconv.ParseUint: parsing "${'1'.repeat(128)}...": it has 200 characters; at most 64 are allowed`,
    ],
  ])('refuses %j in the words of Go', (text, error) =>
    expect(parseUint(text, maxUint32)).toEqual({ ok: false, error }),
  );

  it.each([
    ['-0', -0],
    ['+5', 5],
    ['-12', -12],
    ['9223372036854775807', 2 ** 63],
  ])('reads %j with a sign', (text, value) => {
    const read = parseInteger(text);
    expect(read.ok ? read.value + 0 : undefined).toBe(value + 0);
  });
  it.each([
    ['9223372036854775808', 'value out of range'],
    ['-9223372036854775809', 'value out of range'],
    ['+', 'invalid syntax'],
    ['1.0', 'invalid syntax'],
    [' 1', 'invalid syntax'],
  ])('refuses %j in the words of Go', (text, why) =>
    expect(parseInteger(text)).toEqual({ ok: false, error: `strconv.Atoi: parsing "${text}": ${why}` }),
  );

  it('reads ports', () =>
    expect(['0', '80', '65535', '65536', '', '-1', '8e1', '80 '].map(parsePort)).toEqual([
      0,
      80,
      65_535,
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
    ]));
  it.each([
    ['1.5', 1.5],
    ['-0.25e2', -25],
    ['1E+2', 100],
    ['Infinity', Infinity],
    ['-Infinity', -Infinity],
    ['NaN', Number.NaN],
  ])('reads %j as JSON does', (text, value) => expect(parseDecimal(text)).toBe(value));
  it.each(['', '01', '.5', '5.', '+1', '0x1', '1e', ' 1', '1_0', '1'.repeat(65)])('refuses %j as JSON does', (text) =>
    expect(parseDecimal(text)).toBeUndefined(),
  );
  it('reads what JSON writes of a number', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true }), (number) => {
        expect(parseDecimal(Number.isFinite(number) ? JSON.stringify(number) : String(number))).toBe(number + 0);
      }),
    );
  });

  it('reads times of RFC 3339 only', () => {
    expect(parseTimestamp('2023-01-31T12:00:00.5+01:00')).toBe(Date.UTC(2023, 0, 31, 11, 0, 0, 500));
    expect(
      ['', '2023', '2023-01-31', '2023-13-01T00:00:00Z', '2023-01-31T12:00:00', '1 Jan 2023'].map(parseTimestamp),
    ).toEqual(Array(6).fill(undefined));
  });
  it('takes characters off the end', () =>
    expect([
      withoutTrailing('a//', '/'),
      withoutTrailing('//', '/'),
      withoutTrailing('', '/'),
      withoutTrailing('/a', '/'),
    ]).toEqual(['a', '', '', '/a']));

  it('never throws, and reads nothing but digits', () => {
    fc.assert(
      fc.property(hostileText('0123456789+-.e', ['true', 'f', 'Infinity', '00']), (text) => {
        if (parseUint(text, maxUint32).ok) expect(text).toMatch(/^[0-9]{1,64}$/);
        if (parseInteger(text).ok) expect(text).toMatch(/^[-+]?[0-9]{1,64}$/);
        parseDecimal(text);
        parseTimestamp(text);
      }),
      { numRuns: 500 },
    );
  });
});
