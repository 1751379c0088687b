import { createLocalJWKSet, decodeJwt, errors, jwtVerify } from 'jose';
import type { JSONWebKeySet, JWTPayload } from 'jose';
import { serviceAccountOf, validIdentity, type SpiffeIdentity } from '@flotilla/rules';
import { err, messageOf, ok, isRecord } from '@flotilla/std';
import type { Clock, Result } from '@flotilla/std';

export interface JwtOptions {
  readonly issuer: string;
  readonly audience: string;
  readonly trustDomain: string;
  readonly clock: Clock;
  /** The issuer's keys as they are now; undefined while there are none. */
  readonly keys: () => JSONWebKeySet | undefined;
}

export const maxTokenLength = 16_384;
/** How much the issuer's clock may differ, as the API server itself allows (go-jose's DefaultLeeway). */
const clockSkewSeconds = 60;
const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'ES256', 'ES384', 'EdDSA'];

type KeySet = ReturnType<typeof createLocalJWKSet>;
const keySets = new WeakMap<JSONWebKeySet, KeySet>();
/** Keys as they are looked up: made, and each key imported, once for a version of the file. */
function keySetOf(keys: JSONWebKeySet): KeySet {
  const known = keySets.get(keys) ?? createLocalJWKSet(keys);
  keySets.set(keys, known);
  return known;
}

/** The service account that a token names, if issuer, audience, time and signature are valid; else which is not. */
export async function verifyServiceAccountToken(token: string, options: JwtOptions): Promise<Result<SpiffeIdentity>> {
  if (token.length > maxTokenLength) return err(`the token is longer than ${maxTokenLength} characters`);
  if (!isCompact(token)) return err('the token is not three parts of base64url, separated by dots');
  const keys = options.keys();
  if (!keys) return err('there are no keys to check tokens with');
  try {
    const { payload } = await jwtVerify(token, keySetOf(keys), {
      issuer: options.issuer,
      audience: options.audience,
      algorithms,
      requiredClaims: ['exp', 'sub'],
      clockTolerance: clockSkewSeconds,
      currentDate: new Date(options.clock.now()),
    });
    return Number.isFinite(payload.exp)
      ? identityOf(payload, options.trustDomain)
      : err('the token does not say when it ends');
  } catch (thrown) {
    if (thrown instanceof errors.JWTExpired) return err('the token has expired');
    if (thrown instanceof errors.JWKSNoMatchingKey) return err('the token is signed by a key that is not known here');
    return err(`the token is refused: ${messageOf(thrown)}`);
  }
}

/**
 * A compact JWS (RFC 7515, section 7.1) as its issuer wrote it: decoders that skip line breaks or spare bits would take
 * many texts for one token.
 */
const isCompact = (token: string): boolean => {
  const parts = token.split('.');
  return parts.length === 3 && parts.every((part) => Buffer.from(part, 'base64url').toString('base64url') === part);
};

/**
 * When a token says that it expires, in epoch milliseconds; undefined when it does not say so. The signature is not
 * checked: use it only for tokens that have been verified elsewhere.
 */
export function readExpiry(token: string): number | undefined {
  try {
    const { exp } = decodeJwt(token);
    return typeof exp === 'number' && Number.isFinite(exp) ? exp * 1000 : undefined;
  } catch {
    return undefined;
  }
}

const textOf = (value: unknown, name: string): string => {
  const member = isRecord(value) ? value[name] : undefined;
  return typeof member === 'string' ? member : '';
};

/** The subject names the service account; what `kubernetes.io` says beside it must agree. */
function identityOf(payload: JWTPayload, trustDomain: string): Result<SpiffeIdentity> {
  const subject: unknown = payload.sub;
  const { namespace, serviceAccount } = serviceAccountOf(typeof subject === 'string' ? subject : '');
  const bound = payload['kubernetes.io'];
  if (
    isRecord(bound) &&
    (textOf(bound, 'namespace') !== namespace || textOf(bound['serviceaccount'], 'name') !== serviceAccount)
  ) {
    return err('the token names two different service accounts');
  }
  const identity = { trustDomain, namespace, serviceAccount };
  return validIdentity(identity)
    ? ok(identity)
    : err("the token's subject is not of the form system:serviceaccount:NAMESPACE:NAME");
}
