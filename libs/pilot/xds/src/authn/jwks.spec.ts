import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hasUsableKey, unfetched, unverifiable } from './jwks.ts';

describe('key sets', () => {
  it('are of use with one good key', () => {
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ format: 'jwk' });
    const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' });
    for (const key of [rsa, ec, { kty: 'oct', k: 'c2VjcmV0' }])
      expect(hasUsableKey(JSON.stringify({ keys: [{ kty: 'RSA', n: 7 }, key] }))).toBe(true);
    expect([
      hasUsableKey(unverifiable('https://issuer.test/keys')),
      hasUsableKey(unfetched('https://issuer.test/keys')),
    ]).toEqual([true, false]);
  });

  it('are of none otherwise, whatever the text', () => {
    for (const text of [
      '',
      'no',
      '[]',
      '{}',
      '{"keys":[]}',
      '{"keys":[{"kty":"RSA","e":"AQAB"}]}',
      '{"keys":[null, 7]}',
    ])
      expect(hasUsableKey(text)).toBe(false);
    fc.assert(fc.property(fc.json(), (text) => !hasUsableKey(text)));
  });
});
