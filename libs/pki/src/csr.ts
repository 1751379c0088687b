import { createPublicKey, sign, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { err, ok } from '@flotilla/std';
import type { Result } from '@flotilla/std';
import { bits, bytesOf, childrenOf, contentOf, integer, oid, parseDer, parsePem, sequence, setOf, tagged, toDer, toPem, octets } from './der.ts';
import forge from 'node-forge';
import { ecdsaSha256, publicKeyInfo, subjectAltNames } from './extensions.ts';
import type { AltNames } from './extensions.ts';

const extensionRequest = '1.2.840.113549.1.9.14';
const subjectAltName = '2.5.29.17';

/** A PKCS#10 request, signed by its key, with an empty subject. */
export function buildCsr(key: KeyObject, names: AltNames): string {
  const info = sequence(
    integer(Buffer.from([0])), sequence(), publicKeyInfo(createPublicKey(key)),
    tagged(0, [sequence(oid(extensionRequest), setOf(sequence(sequence(oid(subjectAltName), octets(subjectAltNames(names))))))]),
  );
  const signature = sign('sha256', toDer(info), key);
  return toPem(toDer(sequence(info, sequence(oid(ecdsaSha256)), bits(signature))), 'CERTIFICATE REQUEST');
}

/** What a signer needs of a request. The names it asks for are left out: who signs takes the identity from what it verified. */
export interface Csr { readonly publicKey: KeyObject }

/** Reads a PEM PKCS#10 request and verifies that its sender holds the key. Keys: ECDSA P-256 or P-384, RSA of 2048 to 8192 bits. */
export function parseCsr(pem: string): Result<Csr> {
  const der = parsePem(pem, 'CERTIFICATE REQUEST');
  if (!der.ok) return der;
  const parsed = parseDer(der.value);
  if (!parsed.ok) return parsed;
  const [info, algorithm, signature] = childrenOf(parsed.value);
  const keyInfo = childrenOf(info)[2];
  if (!info || !keyInfo || !signature) return err('not a PKCS#10 request');
  const hash = hashOf(contentOf(childrenOf(algorithm)[0]));
  if (!hash) return err('its signature algorithm is not supported: use SHA-256, SHA-384 or SHA-512 with ECDSA or RSA');
  try {
    const publicKey = createPublicKey({ key: toDer(keyInfo), format: 'der', type: 'spki' });
    if (!acceptable(publicKey)) return err('its key is not supported: use ECDSA P-256 or P-384, or RSA of 2048 to 8192 bits');
    const signed = verify(hash, toDer(info), publicKey, bytesOf(contentOf(signature)).subarray(1));
    return signed ? ok({ publicKey }) : err('its signature does not match its key');
  } catch {
    return err('its key is malformed');
  }
}

const hashes: Readonly<Record<string, string>> = {
  [ecdsaSha256]: 'sha256', '1.2.840.10045.4.3.3': 'sha384', '1.2.840.10045.4.3.4': 'sha512',
  '1.2.840.113549.1.1.11': 'sha256', '1.2.840.113549.1.1.12': 'sha384', '1.2.840.113549.1.1.13': 'sha512',
};
function hashOf(content: string): string | undefined {
  try {
    return hashes[forge.asn1.derToOid(forge.util.createBuffer(content))];
  } catch {
    return undefined;
  }
}

function acceptable(key: KeyObject): boolean {
  const { namedCurve, modulusLength = 0 } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType === 'ec') return namedCurve === 'prime256v1' || namedCurve === 'secp384r1';
  return key.asymmetricKeyType === 'rsa' && modulusLength >= 2048 && modulusLength <= 8192;
}
