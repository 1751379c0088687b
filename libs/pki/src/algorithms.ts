import { constants, sign, verify } from 'node:crypto';
import type { KeyObject, SigningOptions } from 'node:crypto';
import { err, messageOf, ok } from '@flotilla/std';
import type { Result } from '@flotilla/std';
import { membersOf, oid, sequence, tag, type Der } from './der.ts';

/** Object identifiers, as the content of their DER in hexadecimal. */
export const ids = {
  ecPublicKey: '2a8648ce3d0201',
  rsaEncryption: '2a864886f70d010101',
  rsaPss: '2a864886f70d01010a',
  ed25519: '2b6570',
  ecdsaSha256: '2a8648ce3d040302',
  ecdsaSha384: '2a8648ce3d040303',
  ecdsaSha512: '2a8648ce3d040304',
  rsaSha256: '2a864886f70d01010b',
  rsaSha384: '2a864886f70d01010c',
  rsaSha512: '2a864886f70d01010d',
  mgf1: '2a864886f70d010108',
  sha256: '608648016503040201',
  sha384: '608648016503040202',
  sha512: '608648016503040203',
  p256: '2a8648ce3d030107',
  p384: '2b81040022',
  p521: '2b81040023',
} as const;

/**
 * The identifier that an AlgorithmIdentifier, or any sequence, begins with; empty when it begins with something else.
 */
export function idOf(value: Der | undefined): string {
  const [first] = membersOf(value);
  return first?.tag === tag.oid && first.content.length <= 32 ? first.content.toString('hex') : '';
}

const curves: readonly string[] = [ids.p256, ids.p384, ids.p521];
/**
 * Whether a SubjectPublicKeyInfo is of a kind that may be certified. Checked before anything computes with it: ECDSA on
 * P-256, P-384 or P-521, RSA, Ed25519.
 */
export function isKnownKeyKind(keyInfo: Der): boolean {
  const [algorithm] = membersOf(keyInfo);
  const id = idOf(algorithm);
  if (id !== ids.ecPublicKey) return id === ids.rsaEncryption || id === ids.rsaPss || id === ids.ed25519;
  const [, curve] = membersOf(algorithm);
  return curve?.tag === tag.oid && curves.includes(curve.content.toString('hex'));
}

const rsaBits = { least: 2048, most: 8192 };
/** As Go has it: a larger exponent only costs the verifier time. */
const maxExponent = 2n ** 31n - 1n;
/** Why a key can't be certified; undefined when it can. */
export function keyMistake(key: KeyObject): string | undefined {
  const { modulusLength = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType !== 'rsa' && key.asymmetricKeyType !== 'rsa-pss') return undefined;
  if (modulusLength < rsaBits.least || modulusLength > rsaBits.most)
    return `its RSA key has ${modulusLength} bits: ${rsaBits.least} to ${rsaBits.most} are allowed`;
  return publicExponent < 3n || publicExponent > maxExponent || publicExponent % 2n === 0n
    ? 'its RSA key has an exponent that is not allowed'
    : undefined;
}

type Kind = 'ec' | 'rsa' | 'ed25519';
interface Algorithm {
  readonly kind: Kind;
  readonly hash: string | null;
  readonly options?: SigningOptions;
}
const simple: Readonly<Record<string, Algorithm>> = {
  [ids.ecdsaSha256]: { kind: 'ec', hash: 'sha256' },
  [ids.ecdsaSha384]: { kind: 'ec', hash: 'sha384' },
  [ids.ecdsaSha512]: { kind: 'ec', hash: 'sha512' },
  [ids.rsaSha256]: { kind: 'rsa', hash: 'sha256' },
  [ids.rsaSha384]: { kind: 'rsa', hash: 'sha384' },
  [ids.rsaSha512]: { kind: 'rsa', hash: 'sha512' },
  [ids.ed25519]: { kind: 'ed25519', hash: null },
};
const hashes: Readonly<Record<string, { readonly name: string; readonly bytes: number }>> = {
  [ids.sha256]: { name: 'sha256', bytes: 32 },
  [ids.sha384]: { name: 'sha384', bytes: 48 },
  [ids.sha512]: { name: 'sha512', bytes: 64 },
};

/** RSASSA-PSS as everybody uses it, and Go demands it: one hash for all, a salt as long as that (RFC 4055, 3.1). */
function pss(parameters: Der | undefined): Algorithm | undefined {
  const fields = new Map(membersOf(parameters).map((field) => [field.tag, membersOf(field)[0]]));
  const hashId = idOf(fields.get(tag.around(0)));
  const hash = Object.hasOwn(hashes, hashId) ? hashes[hashId] : undefined;
  const mask = fields.get(tag.around(1));
  const salt = fields.get(tag.around(2));
  if (
    !hash ||
    idOf(mask) !== ids.mgf1 ||
    idOf(membersOf(mask)[1]) !== hashId ||
    salt?.tag !== tag.integer ||
    salt.content.length !== 1 ||
    salt.content[0] !== hash.bytes
  )
    return undefined;
  return {
    kind: 'rsa',
    hash: hash.name,
    options: { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: hash.bytes },
  };
}

function algorithmOf(identifier: Der): Algorithm | undefined {
  const id = idOf(identifier);
  if (id === ids.rsaPss) return pss(membersOf(identifier)[1]);
  return Object.hasOwn(simple, id) ? simple[id] : undefined;
}
const kinds: Readonly<Record<string, Kind>> = { ec: 'ec', rsa: 'rsa', 'rsa-pss': 'rsa', ed25519: 'ed25519' };

export interface Signed {
  readonly bytes: Uint8Array;
  readonly algorithm: Der;
  readonly signature: Uint8Array;
}
/** Whether the owner of the key signed the bytes. Fails where it did not, and for algorithms that are not supported. */
export function verifySignature(key: KeyObject, { bytes, algorithm, signature }: Signed): Result<true> {
  const found = algorithmOf(algorithm);
  if (!found)
    return err(
      'its signature algorithm is not supported: use SHA-256, SHA-384 or SHA-512 with ECDSA, RSA or RSA-PSS, or Ed25519',
    );
  if (found.kind !== kinds[key.asymmetricKeyType ?? '']) return err('its signature algorithm is not one for its key');
  return verify(found.hash, bytes, { key, ...found.options }, signature)
    ? ok(true)
    : err('its signature does not match its key');
}

const ecdsaByCurve: Readonly<Record<string, { readonly id: string; readonly hash: string }>> = {
  prime256v1: { id: ids.ecdsaSha256, hash: 'sha256' },
  secp384r1: { id: ids.ecdsaSha384, hash: 'sha384' },
  secp521r1: { id: ids.ecdsaSha512, hash: 'sha512' },
};
export interface Signer {
  readonly algorithm: Buffer;
  sign(bytes: Uint8Array): Buffer;
}
const signers = new WeakMap<KeyObject, Signer>();
/**
 * Signs with a private key, by the algorithm that suits it. Throws for a kind of key that does not sign certificates.
 */
export function signerOf(key: KeyObject): Signer {
  const known = signers.get(key);
  if (known) return known;
  const made = makeSigner(key);
  signers.set(key, made);
  return made;
}

/** Why a private key can't sign certificates that others accept; undefined when it can. */
export function signingKeyMistake(key: KeyObject): string | undefined {
  try {
    signerOf(key);
    return keyMistake(key);
  } catch (thrown) {
    return messageOf(thrown);
  }
}

function makeSigner(key: KeyObject): Signer {
  if (key.asymmetricKeyType === 'ec') {
    const ecdsa = ecdsaByCurve[key.asymmetricKeyDetails?.namedCurve ?? ''] ?? { id: ids.ecdsaSha256, hash: 'sha256' };
    return { algorithm: sequence(oid(ecdsa.id)), sign: (bytes) => sign(ecdsa.hash, bytes, key) };
  }
  if (key.asymmetricKeyType === 'rsa')
    return {
      algorithm: sequence(oid(ids.rsaSha256), Uint8Array.of(tag.null, 0)),
      sign: (bytes) => sign('sha256', bytes, key),
    };
  if (key.asymmetricKeyType === 'ed25519')
    return { algorithm: sequence(oid(ids.ed25519)), sign: (bytes) => sign(null, bytes, key) };
  throw new Error(`a key of kind ${key.asymmetricKeyType} can't sign certificates`);
}
