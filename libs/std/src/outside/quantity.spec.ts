import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hostileText } from './hostile-text.fixture.ts';
import { parseQuantity } from './quantity.ts';

const wrongFormat = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
const read = (text: string): string => {
  const result = parseQuantity(text);
  return result.ok ? result.value.text : result.error;
};

describe('quantities', () => {
  // What k8s.io/apimachinery writes.
  it.each([
    ['0', '0'],
    ['0Gi', '0'],
    ['-0m', '0'],
    ['m', '0'],
    ['.', '0'],
    ['2000m', '2'],
    ['100m', '100m'],
    ['1024Mi', '1Gi'],
    ['1000Ki', '1000Ki'],
    ['1536Mi', '1536Mi'],
    ['1.5Gi', '1536Mi'],
    ['0.5', '500m'],
    ['.5', '500m'],
    ['1.', '1.'],
    ['1.500', '1.500'],
    ['+5', '+5'],
    ['007', '007'],
    ['0.5Ki', '512'],
    ['1.3Ki', '1331200m'],
    ['1e3', '1e3'],
    ['1e4', '10e3'],
    ['12E2', '1200'],
    ['1E', '1E'],
    ['1.2345', '1234500u'],
    ['0.0000000001', '1n'],
    ['-0.0000000001', '-1n'],
    ['1e-400', '1e-9'],
    ['8Ei', '9223372036854775807'],
    ['-9Ei', '-9223372036854775807'],
    ['9223372036854775808', '9223372036854775808'],
    ['1.0000000000000000001', '1000000001n'],
    ['82000E', '82e21'],
    ['1e999999', '1e999999'],
    ['1048576', '1048576'],
  ])('writes %j as %j', (text, written) => expect(read(text)).toBe(written));

  it.each([
    ['', wrongFormat],
    ['lots', wrongFormat],
    ['1 ', wrongFormat],
    [' 1', wrongFormat],
    ['1.1.M', wrongFormat],
    ['1+1.0M', wrongFormat],
    ['0.1am', wrongFormat],
    ['1Gi\n', wrongFormat],
    ['１', wrongFormat],
    ['1i', "unable to parse quantity's suffix"],
    ['0.1mi', "unable to parse quantity's suffix"],
    ['1e', "unable to parse quantity's suffix"],
    ['1e9999999999', "unable to parse quantity's suffix"],
    ['Ei', 'unable to parse numeric part of quantity'],
    ['1'.repeat(129), 'unable to parse quantity: it has 129 characters; at most 128 are allowed'],
  ])('refuses %j with the words of Kubernetes', (text, why) => expect(read(text)).toBe(why));

  it('means the same number as a plain reading of it, down to nanos', () => {
    const powers = { n: -9, u: -6, m: -3, '': 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18, e2: 2, 'e-4': -4 };
    const suffix = fc.constantFrom(...(Object.keys(powers) as (keyof typeof powers)[]));
    fc.assert(
      fc.property(fc.integer({ min: -1_000_000_000, max: 1_000_000_000 }), suffix, (whole, unit) => {
        const quantity = parseQuantity(`${whole}${unit}`);
        const nanos = quantity.ok ? quantity.value.mantissa * 10n ** BigInt(quantity.value.exponent + 9) : undefined;
        expect(nanos).toBe(BigInt(whole) * 10n ** BigInt(powers[unit] + 9));
      }),
    );
  });

  it('reads what it has written as the same amount, and never throws', () => {
    fc.assert(
      fc.property(hostileText('0125.+-', ['m', 'k', 'Ki', 'Mi', 'Ei', 'E', 'e3', 'e-9', 'n', '000']), (text) => {
        const quantity = parseQuantity(text);
        if (quantity.ok) expect(read(quantity.value.text)).toBe(quantity.value.text);
      }),
      { numRuns: 500 },
    );
  });
});
