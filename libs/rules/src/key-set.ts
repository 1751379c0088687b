import { createPublicKey, X509Certificate, type JsonWebKey } from 'node:crypto';
import { compareText, configLimits, err, ok, readJsonObject, stableStringify, type Result } from '@flotilla/std';

/** What a key set holds: keys (RFC 7517), or certificates, each with its key id. */
type KeySet =
  | { readonly form: 'keys'; readonly keys: readonly unknown[] }
  | { readonly form: 'certificates'; readonly certificates: readonly (readonly [keyId: string, pem: string])[] };

/**
 * A key set as Envoy's jwt_authn filter reads it: an object with a list of `keys` (RFC 7517, JWK Set), or one with a
 * PEM certificate for each key id. It is not checked whether the keys can be used (`hasUsableKey`). The error says why
 * it is neither.
 */
export function parseKeySet(text: string): Result<KeySet> {
  const read = readJsonObject(text, configLimits);
  if (!read.ok) return err(read.error.message);
  const { keys } = read.value;
  if (Array.isArray(keys)) return ok({ form: 'keys', keys });
  const certificates = Object.entries(read.value).filter((entry): entry is [string, string] => isPem(entry[1]));
  return certificates.length > 0 && certificates.length === Object.keys(read.value).length
    ? ok({ form: 'certificates', certificates })
    : err('it has no list of keys');
}

const isPem = (value: unknown): boolean => typeof value === 'string' && value.includes('-----BEGIN CERTIFICATE-----');

/** The shortest RSA key that Envoy's TLS library accepts, in bits. */
const shortestModulus = 512;

function isUsableKey(key: unknown): boolean {
  if (typeof key !== 'object' || key === null) return false;
  const { kty, k } = key as JsonWebKey;
  if (kty === 'oct') return typeof k === 'string' && k !== '';
  return hasLongModulus(() => createPublicKey({ key: key as JsonWebKey, format: 'jwk' }));
}

function hasLongModulus(read: () => ReturnType<typeof createPublicKey>): boolean {
  try {
    return (read().asymmetricKeyDetails?.modulusLength ?? shortestModulus) >= shortestModulus;
  } catch {
    return false;
  }
}

/** Whether a key set has a key that can verify a token. Envoy refuses a listener with any other key set. */
export function hasUsableKey(text: string): boolean {
  const read = parseKeySet(text);
  if (!read.ok) return false;
  return read.value.form === 'keys'
    ? read.value.keys.some(isUsableKey)
    : read.value.certificates.some(([, pem]) => hasLongModulus(() => new X509Certificate(pem).publicKey));
}

/** Whether two key sets have the same keys, in any order and spelling (Istio's compareJWKSResponse). */
export function hasSameKeys(first: string, second: string): boolean {
  const [one, other] = [parseKeySet(first), parseKeySet(second)];
  return one.ok && other.ok && canonical(one.value) === canonical(other.value);
}

const canonical = (set: KeySet): string =>
  (set.form === 'keys' ? set.keys : set.certificates)
    .map((key) => stableStringify(key) ?? '')
    .sort(compareText)
    .join('\n');
