import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseNanoseconds, parseSeconds } from './duration.ts';
import { hostileText } from './hostile-text.fixture.ts';

const read = (text: string): bigint | string => {
  const result = parseNanoseconds(text);
  return result.ok ? result.value : result.error;
};

describe('durations', () => {
  // What Go 1.26 answers.
  it.each([
    ['0', 0n],
    ['+0', 0n],
    ['-0', 0n],
    ['5s', 5_000_000_000n],
    ['1h2m3.5s', 3_723_500_000_000n],
    ['-1.5h', -5_400_000_000_000n],
    ['1.s', 1_000_000_000n],
    ['.5s', 500_000_000n],
    ['10.5s4m', 250_500_000_000n],
    ['1us2µs3μs', 6_000n],
    ['0.9ns', 0n],
    ['0.3333333333333333333h', 1_200_000_000_000n],
    ['0.100000000000000000000h', 360_000_000_000n],
    ['9007199254.740993ms', 9_007_199_254_740_993n],
    ['9223372036854775807ns', 2n ** 63n - 1n],
    ['-9223372036854775808ns', -(2n ** 63n)],
    ['-2562047h47m16.854775808s', -(2n ** 63n)],
    ['0.830103483285477580700h', 2_988_372_539_827n],
  ])('reads %j as Go does', (text, nanoseconds) => expect(read(text)).toBe(nanoseconds));

  it.each([
    ['', 'it is empty'],
    ['-', 'it is empty'],
    ['5', 'it has a number without a unit'],
    ['1.5', 'it has a number without a unit'],
    ['1h5', 'it has a number without a unit'],
    ['.s', 'it has no number where one is expected'],
    ['-.s', 'it has no number where one is expected'],
    ['+-1s', 'it has no number where one is expected'],
    ['s', 'it has no number where one is expected'],
    [' 1s', 'it has no number where one is expected'],
    ['1s ', 'it has an unknown unit; the units are ns, us, ms, s, m and h'],
    ['1d', 'it has an unknown unit; the units are ns, us, ms, s, m and h'],
    ['1h1x', 'it has an unknown unit; the units are ns, us, ms, s, m and h'],
    ['1..s', 'it has a number without a unit'],
    ['9223372036854775808ns', 'it is out of range: at most about 292 years'],
    ['3000000h', 'it is out of range: at most about 292 years'],
    ['-9223372036854775809ns', 'it is out of range: at most about 292 years'],
    ['2562047h2562047h', 'it is out of range: at most about 292 years'],
    [`${'11h'.repeat(40)}x`, 'it has an unknown unit; the units are ns, us, ms, s, m and h'],
    ['1'.repeat(129), 'it has 129 characters; at most 128 are allowed'],
  ])('refuses %j, as Go does', (text, why) => expect(read(text)).toBe(why));

  it('reads what it writes: hours, minutes and seconds', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (nanoseconds) => {
        const size = nanoseconds < 0n ? -nanoseconds : nanoseconds;
        const [hours, minutes, rest] = [
          size / 3_600_000_000_000n,
          (size / 60_000_000_000n) % 60n,
          size % 60_000_000_000n,
        ];
        const written = `${nanoseconds < 0n ? '-' : ''}${hours}h${minutes}m${rest / 1_000_000_000n}s${rest % 1_000_000_000n}ns`;
        expect(read(written)).toBe(nanoseconds);
        expect(parseSeconds(written)).toEqual({ ok: true, value: Number(nanoseconds) / 1e9 });
      }),
    );
  });

  it('never throws, and reads only what has the grammar of a duration', () => {
    const grammar = /^[+-]?(?:0|(?:[0-9.]+(?:ns|us|µs|μs|ms|s|m|h))+)$/;
    fc.assert(
      fc.property(hostileText('0159.+-', ['h', 'm', 's', 'ms', 'us', 'µs', 'ns', '11h']), (text) => {
        if (parseNanoseconds(text).ok) expect(text).toMatch(grammar);
      }),
      { numRuns: 500 },
    );
  });
});
