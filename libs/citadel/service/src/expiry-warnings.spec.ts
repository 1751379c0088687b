import { randomBytes, X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { parsePluggedIn, type SigningCa } from '@flotilla/citadel-authority';
import { noObservability } from '@flotilla/observability-port';
import { buildRoot, generateKey } from '@flotilla/pki';
import { createManualClock, createTestIntermediate } from '@flotilla/testing';
import { warnBeforeExpiry } from './expiry-warnings.ts';

const day = 86_400_000;
const rootUntil = (days: number): X509Certificate => {
  const validity = { notBefore: 0, notAfter: days * day };
  return new X509Certificate(buildRoot(generateKey(), { organization: 'test', validity, serial: randomBytes(16) }));
};
const selfSigned = (days: number): SigningCa => {
  const certificate = rootUntil(days);
  return { key: generateKey(), certificate, intermediates: [], roots: [certificate] };
};

/** The messages of each of the first `days`. */
function warnings(ca: SigningCa, days: number): readonly (readonly string[])[] {
  const clock = createManualClock();
  const byDay: string[][] = [[]];
  const stop = warnBeforeExpiry({
    ca,
    remedy: 'do this',
    clock,
    log: {
      ...noObservability.log,
      warn: (message, fields) => void byDay.at(-1)?.push(`${message} ${JSON.stringify(fields)}`),
    },
  });
  for (let each = 1; each <= days; each += 1) {
    byDay.push([]);
    clock.advance(day);
  }
  stop();
  clock.advance(day);
  return byDay;
}
const countsOf = (byDay: readonly (readonly string[])[]): readonly number[] => byDay.map(({ length }) => length);

describe('warnings before certificates of the CA end', () => {
  it('come daily, from 30 days before the end of a root that signs, until it is replaced', () => {
    const byDay = warnings(selfSigned(32), 34);
    expect(countsOf(byDay)).toEqual([0, 0, ...Array<number>(33).fill(1)]);
    expect(byDay[2]?.[0]).toMatch(/expires soon: do this .*O=test.*1970-02-02/);
    expect(byDay[33]?.[0]).toMatch(/has expired: do this/);
  });

  it('come for the intermediates and for other roots too, but not for a root that has ended', () => {
    const parts = createTestIntermediate(0);
    const ca = parsePluggedIn(parts, 0);
    if (!ca.ok) throw new Error(ca.error.problem);
    const both = { ...ca.value, roots: [...ca.value.roots, rootUntil(3)] };
    expect(countsOf(warnings(both, 4))).toEqual([2, 2, 2, 1, 1]);
  });
});
