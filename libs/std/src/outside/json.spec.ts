import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readJson, readJsonObject } from './json.ts';
import { annotationLimits, type JsonLimits } from './read-limits.ts';

const limits: JsonLimits = { length: 8 << 20, depth: 50, nodes: 10_000, keys: 1000, scalarLength: 1 << 20 };
const limitOf = (text: string): unknown => {
  const read = readJson(text, limits);
  return read.ok ? undefined : read.error.limit;
};

describe('JSON from outside', () => {
  it('is read as JSON.parse reads it', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value);
        expect(readJson(text)).toEqual({ ok: true, value: JSON.parse(text) as unknown });
      }),
    );
  });

  it('has no surrogate without its pair', () =>
    expect(readJson('["\\ud800x", "\ud800", {"\\uDC00": "\\ud83d\\ude00"}, {"\\u005f_proto__": "\\udfff"}]')).toEqual({
      ok: true,
      value: ['\ufffdx', '\ufffd', { '\ufffd': '\u{1f600}' }, JSON.parse('{"__proto__": "\ufffd"}')],
    }));

  it('is refused with the reason, whatever it is', () => {
    expect(readJson('{"a": 1,}')).toMatchObject({
      ok: false,
      error: { code: 'json-syntax', message: expect.stringMatching(/^not valid JSON: /) as string },
    });
    expect(readJsonObject('[1]')).toEqual({ ok: false, error: { code: 'json-syntax', message: 'not a JSON object' } });
    expect(readJson('{\n"a":\n[[[1]]]}', { ...limits, depth: 2 })).toEqual({
      ok: false,
      error: {
        code: 'over-limit',
        limit: 'depth',
        line: 3,
        message: 'more than 2 levels of nesting at line 3: nest it less deeply',
      },
    });
    const pieces = ['{', '}', '[', ']', '"', '\\', ':', ',', '1', 'null', '"a"', '\n', '\ud800', '__proto__'];
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          fc.array(fc.constantFrom(...pieces)).map((parts) => parts.join('')),
        ),
        (text) => {
          const read = readJson(text, annotationLimits);
          let expected: unknown;
          try {
            expected = JSON.parse(text.toWellFormed());
          } catch {
            expected = undefined;
          }
          expect(read.ok ? read.value : undefined).toEqual(expected);
        },
      ),
      { numRuns: 1000 },
    );
  });

  it.each<[keyof JsonLimits, string]>([
    ['depth', '['.repeat(5_000_000)],
    ['depth', '{"a":'.repeat(1_000_000)],
    ['depth', `"${'\\"'.repeat(1000)}",${'['.repeat(51)}`],
    ['nodes', `[${'[],'.repeat(1_500_000)}[]]`],
    ['nodes', `[${'1,'.repeat(2_500_000)}1]`],
    ['keys', `[${'{"a":1},'.repeat(1001)}1]`],
    ['scalarLength', `"${'x'.repeat(5_000_000)}"`],
    ['scalarLength', `"${'\\"'.repeat(2_000_000)}`],
    ['length', ' '.repeat(9 << 20)],
  ])('has a limit of %s', (limit, text) => expect(limitOf(text)).toBe(limit));

  it('counts nothing within texts', () =>
    expect(limitOf(JSON.stringify({ a: '[{,:'.repeat(10_000), 'b[[': '"\\"[' }))).toBeUndefined());

  it('has members that are plain data, whatever they are called', () => {
    const read = readJsonObject('{"__proto__": {"polluted": 1}, "constructor": 2}');
    expect(read.ok && Object.entries(read.value)).toEqual([
      ['__proto__', { polluted: 1 }],
      ['constructor', 2],
    ]);
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });
});
