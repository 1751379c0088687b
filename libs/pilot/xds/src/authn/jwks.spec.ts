import { createPublicKey, type JsonWebKey } from 'node:crypto';
import { hasUsableKey } from '@flotilla/rules';
import { expect, it } from 'vitest';
import { unfetched, unverifiable } from './jwks.ts';

it('a stock Envoy gets a key that it takes in place of one that could not be fetched', () => {
  expect([hasUsableKey(unverifiable), hasUsableKey(unfetched('https://issuer.test/'))]).toEqual([true, false]);
});

it('that key is RSA-2048, whose digits add up to 2738', () => {
  const [key] = (JSON.parse(unverifiable) as { keys: [JsonWebKey] }).keys;
  const modulus = BigInt(`0x${Buffer.from(String(key['n']), 'base64url').toString('hex')}`).toString();
  expect([modulus.length, [...modulus].reduce((sum, digit) => sum + Number(digit), 0)]).toEqual([617, 2738]);
  expect(createPublicKey({ key, format: 'jwk' }).asymmetricKeyDetails?.modulusLength).toBe(2048);
});
