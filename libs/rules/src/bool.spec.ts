import fc from 'fast-check';
import { expect, it } from 'vitest';
import { isFalse, isTrue, parseBool } from './bool.ts';

it('reads the twelve truth values of Go', () => {
  expect(['1', 't', 'T', 'TRUE', 'true', 'True'].every((text) => isTrue(text) && !isFalse(text))).toBe(true);
  expect(['0', 'f', 'F', 'FALSE', 'false', 'False'].every((text) => isFalse(text) && !isTrue(text))).toBe(true);
  for (const text of ['', 'yes', 'tRUE', ' true', 'on']) {
    expect([isTrue(text), isFalse(text)]).toEqual([false, false]);
    expect(parseBool(text)).toEqual({ ok: false, error: `strconv.ParseBool: parsing "${text}": invalid syntax` });
  }
});

it('reads nothing else, and never throws', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.mixedCase(fc.constantFrom('t', 'f', 'true', 'false', '0', '1'))), (text) => {
      expect(parseBool(text).ok).toBe(/^([01tfTF]|true|false|TRUE|FALSE|True|False)$/.test(text));
      expect(isTrue(text) || isFalse(text)).toBe(parseBool(text).ok);
    }),
  );
});
