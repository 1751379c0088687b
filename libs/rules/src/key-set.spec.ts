import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hasSameKeys, hasUsableKey, parseKeySet } from './key-set.ts';

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ format: 'jwk' });
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' });
/** Of a P-256 key that nobody has any more. */
const certificate = `-----BEGIN CERTIFICATE-----
MIIBdjCCARugAwIBAgIUAjuDnui1NDIm4HMfT4wwgB0DEiswCgYIKoZIzj0EAwIw
DzENMAsGA1UEAwwEdGVzdDAgFw0yNjExMjgxNjI2NTdaGA8yMTI2MTEwNDE2MjY1
N1owDzENMAsGA1UEAwwEdGVzdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABGgr
BMf29fLnqW6r7cEO8OxU+PxvC6SKMAmNfVKQIxOnhgSjulk2T8iW6dk6Juz9LeLs
P3J5ObJWrjO4Y6Rwb2mjUzBRMB0GA1UdDgQWBBR5ZP0FPBCPjDKFiKZ9jzKp2c4U
lDAfBgNVHSMEGDAWgBR5ZP0FPBCPjDKFiKZ9jzKp2c4UlDAPBgNVHRMBAf8EBTAD
AQH/MAoGCCqGSM49BAMCA0kAMEYCIQD4fBZtIhVPppht7wXWTRIgRG9Mf5oSOOmo
E9Isx+3iYAIhAKyFAwyDW9P+PRKsqU8YlKI433pne2Wl02WzoyYkMWVc
-----END CERTIFICATE-----
`;
const setOf = (...keys: unknown[]): string => JSON.stringify({ keys });

describe('key sets', () => {
  it('are usable with one good key', () => {
    for (const key of [rsa, ec, { kty: 'oct', k: 'c2VjcmV0' }])
      expect(hasUsableKey(setOf({ kty: 'RSA', n: 7 }, key))).toBe(true);
    expect(hasUsableKey(JSON.stringify({ one: certificate }))).toBe(true);
  });

  it('are not otherwise, whatever the text', () => {
    for (const text of [
      '',
      'no',
      '[]',
      '{}',
      '{"keys":[]}',
      '{"keys":[{"kty":"RSA","e":"AQAB"}]}',
      '{"keys":[null, 7]}',
      '{"one":"-----BEGIN CERTIFICATE-----"}',
    ])
      expect(hasUsableKey(text)).toBe(false);
    fc.assert(fc.property(fc.json(), (text) => !hasUsableKey(text)));
  });

  it('are lists of keys or certificates by their ids, also without any that is usable', () => {
    expect(parseKeySet('{"keys":[]}')).toEqual({ ok: true, value: { form: 'keys', keys: [] } });
    expect(parseKeySet(JSON.stringify({ one: certificate }))).toMatchObject({ ok: true });
    for (const text of ['{}', '{"keys":{}}', JSON.stringify({ one: certificate, two: 2 }), '<html>'])
      expect(parseKeySet(text)).toMatchObject({ ok: false });
  });

  it('are the same in another order and writing', () => {
    const reordered = JSON.stringify({ keys: [ec, Object.fromEntries(Object.entries(rsa).reverse())] }, null, 2);
    expect(hasSameKeys(setOf(rsa, ec), reordered)).toBe(true);
    expect(hasSameKeys(setOf(rsa, ec), setOf(rsa))).toBe(false);
    expect(hasSameKeys(setOf(rsa), setOf({ ...rsa, kid: 'new' }))).toBe(false);
    expect(hasSameKeys('no', 'no')).toBe(false);
  });
});
