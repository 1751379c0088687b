import { createHash, createPublicKey, type JsonWebKey } from 'node:crypto';
import { configLimits, readJsonObject } from '@flotilla/std';

const keySet = (modulus: Buffer): string =>
  `{"keys":[ {"e":"AQAB","kid":"abc","kty":"RSA","n":"${modulus.toString('base64url')}"}]}`;

/**
 * Keys that verify nothing, in place of those at a URI, as Istio makes them when it can't fetch them: tokens are
 * refused, not let through.
 */
export const unfetched = (uri: string): string => keySet(Buffer.from(uri));

/**
 * The same for a stock Envoy 1.36, which takes no key as short as that: an odd number of 2048 bits that nobody has made
 * of primes.
 */
export function unverifiable(seed: string): string {
  const modulus = createHash('shake256', { outputLength: 256 }).update(seed).digest();
  modulus.writeUInt8(modulus.readUInt8(0) | 0x80, 0);
  modulus.writeUInt8(modulus.readUInt8(255) | 1, 255);
  return keySet(modulus);
}

/** In bits; Envoy's TLS library takes no shorter key. */
const shortestModulus = 512;

function isKey(key: JsonWebKey): boolean {
  if (key.kty === 'oct') return typeof key['k'] === 'string' && key['k'] !== '';
  try {
    const { asymmetricKeyDetails } = createPublicKey({ key, format: 'jwk' });
    return (asymmetricKeyDetails?.modulusLength ?? shortestModulus) >= shortestModulus;
  } catch {
    return false;
  }
}

/** Is there a key set (RFC 7517) with a key that can verify a token? Envoy refuses a listener with any other. */
export function hasUsableKey(jwks: string): boolean {
  const read = readJsonObject(jwks, configLimits);
  const keys = read.ok ? read.value['keys'] : undefined;
  return (
    Array.isArray(keys) &&
    keys.some((key: unknown) => typeof key === 'object' && key !== null && isKey(key as JsonWebKey))
  );
}
