import { createPublicKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { err, ok } from '@flotilla/std';
import type { Result } from '@flotilla/std';
import { isKnownKeyKind, keyMistake, signerOf, verifySignature } from './algorithms.ts';
import { bits, der, membersOf, oid, readDer, readPem, sequence, tag, toPem, type Der } from './der.ts';
import { publicKeyInfo, subjectAltNames } from './extensions.ts';
import type { AltNames } from './extensions.ts';

const extensionRequest = '2a864886f70d01090e';
/** A request with the largest key that is allowed has some 3 kB. */
export const maxCsrBytes = 16 * 1024;
/** The second is what older tools write (RFC 7468, 7). */
const labels = ['CERTIFICATE REQUEST', 'NEW CERTIFICATE REQUEST'];

/** A PKCS#10 request, signed by its key, with an empty subject. */
export function buildCsr(key: KeyObject, names: AltNames): string {
  const extensions = subjectAltNames(names, { emptySubject: true });
  const attributes =
    extensions.length === 0 ? [] : [sequence(oid(extensionRequest), der(tag.set, sequence(...extensions)))];
  const info = sequence(
    der(tag.integer, Uint8Array.of(0)),
    sequence(),
    publicKeyInfo(createPublicKey(key)),
    der(tag.around(0), ...attributes),
  );
  const signer = signerOf(key);
  return toPem(sequence(info, signer.algorithm, bits(signer.sign(info))), 'CERTIFICATE REQUEST');
}

/**
 * What a signer needs of a request. The names it asks for are not even read: the signer takes the identity from what it
 * verified.
 */
export interface Csr {
  readonly publicKey: KeyObject;
}

/**
 * Reads a PEM PKCS#10 request (RFC 2986) of at most maxCsrBytes and verifies that its sender holds the key. Keys: ECDSA
 * P-256, P-384 or P-521, RSA of 2048 to 8192 bits, Ed25519; signatures: ECDSA and RSA (PKCS#1 v1.5 or PSS) with
 * SHA-256, SHA-384 or SHA-512, Ed25519. The work is that of reading four values of each of three levels, and one
 * verification.
 */
export function parseCsr(pem: string): Result<Csr> {
  const bytes = readPem(pem, labels);
  if (!bytes.ok) return bytes;
  if (bytes.value.length > maxCsrBytes) return err(`larger than ${maxCsrBytes} bytes`);
  const request = readDer(bytes.value);
  if (!request.ok) return request;
  const [info, algorithm, signature, ...more] = request.value.tag === tag.sequence ? membersOf(request.value) : [];
  const keyInfo = keyInfoOf(info);
  if (
    !info ||
    !keyInfo ||
    algorithm?.tag !== tag.sequence ||
    signature?.tag !== tag.bitString ||
    signature.content[0] !== 0 ||
    more.length > 0
  )
    return err('it is not a PKCS#10 request');
  if (!isKnownKeyKind(keyInfo))
    return err('its key is not supported: use ECDSA on P-256, P-384 or P-521, RSA of 2048 to 8192 bits, or Ed25519');
  try {
    const publicKey = createPublicKey({ key: keyInfo.raw, format: 'der', type: 'spki' });
    const mistake = keyMistake(publicKey);
    if (mistake !== undefined) return err(mistake);
    const signed = verifySignature(publicKey, { bytes: info.raw, algorithm, signature: signature.content.subarray(1) });
    return signed.ok ? ok({ publicKey }) : signed;
  } catch {
    return err('its key is malformed');
  }
}

/** The key in CertificationRequestInfo: version 0, a subject, the key, attributes. */
function keyInfoOf(info: Der | undefined): Der | undefined {
  const [version, subject, keyInfo, attributes, ...more] = info?.tag === tag.sequence ? membersOf(info) : [];
  const isVersion0 = version?.tag === tag.integer && version.content.equals(Uint8Array.of(0));
  const hasAttributes = attributes === undefined || attributes.tag === tag.around(0);
  return isVersion0 &&
    subject?.tag === tag.sequence &&
    keyInfo?.tag === tag.sequence &&
    hasAttributes &&
    more.length === 0
    ? keyInfo
    : undefined;
}
