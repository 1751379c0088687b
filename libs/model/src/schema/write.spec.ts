import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MeshProxyConfig } from './mesh-config.ts';
import { parseValue } from './parse.ts';
import { duration, enumeration, int, int64, map, message, repeated, string, wrapper, bool } from './schema.ts';
import { writeProtoJson } from './write.ts';

const schema = message({
  text: string,
  count: int,
  large: int64,
  optional: wrapper(int64),
  flag: wrapper(bool),
  wait: duration,
  level: enumeration(['NONE', 'SOME']),
  list: repeated(string),
  labels: map(string),
  inner: message({ text: string }),
});

describe('ProtoJSON', () => {
  it('is written in the order of the API, without zero values but those of wrappers', () => {
    const value = {
      labels: { b: '2', a: '1' },
      inner: {},
      list: [],
      level: 'NONE',
      wait: 0,
      flag: false,
      optional: 0,
      count: 0,
      text: '',
    };
    expect(JSON.stringify(writeProtoJson(schema, value))).toBe(
      '{"optional":"0","flag":false,"wait":"0s","labels":{"a":"1","b":"2"},"inner":{}}',
    );
  });
  it.each([
    [1, '1s'],
    [0.25, '0.250s'],
    [-1.5, '-1.500s'],
    [0.000_001, '0.000001s'],
    [1e-9, '0.000000001s'],
    [90_061.5, '90061.500s'],
  ])('has a duration of %d s as %s', (seconds, text) => expect(writeProtoJson(duration, seconds)).toBe(text));

  it('is read as it was written', () => {
    const value = fc.record(
      {
        text: fc.string({ minLength: 1 }),
        count: fc.integer({ min: 1 }),
        large: fc.maxSafeInteger().filter((number) => number !== 0),
        optional: fc.maxSafeInteger(),
        flag: fc.boolean(),
        wait: fc.integer({ min: -1e9, max: 1e9 }).map((millis) => millis / 1000),
        level: fc.constant('SOME'),
        list: fc.array(fc.string(), { minLength: 1 }),
        labels: fc.dictionary(fc.stringMatching(/^[a-z]+$/), fc.string(), { minKeys: 1 }),
        inner: fc.record({ text: fc.string({ minLength: 1 }) }),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(value, (given) => {
        const written = JSON.parse(JSON.stringify(writeProtoJson(schema, given))) as unknown;
        expect(parseValue(schema, written, { path: '' })).toEqual({ value: given, problems: [] });
      }),
    );
  });
  it('has numbers of 64 bits in a proxy configuration as text', () =>
    expect(writeProtoJson(MeshProxyConfig, { tracing: { openCensusAgent: {} }, concurrency: 0 })).toEqual({
      tracing: { openCensusAgent: {} },
      concurrency: 0,
    }));
});
