import { createPublicKey, X509Certificate } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { err, ok } from '@flotilla/std';
import type { Result } from '@flotilla/std';
import { signerOf } from './algorithms.ts';
import { bits, der, maxDerBytes, membersOf, oid, readDer, sequence, tag, time, toPem } from './der.ts';
import { buildExtensions, keyIdOf, publicKeyInfo } from './extensions.ts';
import type { AltNames } from './extensions.ts';

export const keyToPem = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' }).toString();

export interface Validity {
  readonly notBefore: number;
  readonly notAfter: number;
}
export interface Issuer {
  readonly key: KeyObject;
  readonly certificate: X509Certificate;
}
export interface CertificateInput extends AltNames {
  readonly publicKey: KeyObject;
  readonly validity: Validity;
  /** 16 bytes; the caller makes them unpredictable. */
  readonly serial: Uint8Array;
}

/** A workload's certificate with an empty subject: its names are critical (RFC 5280, 4.1.2.6). */
export const buildCertificate = (input: CertificateInput, issuer: Issuer): string =>
  build({ ...input, isCa: false, issuer: issuerOf(issuer), subject: sequence(), signer: issuer.key });

export interface CaInput {
  readonly organization: string;
  readonly validity: Validity;
  readonly serial: Uint8Array;
}

/** A self-signed root for the given organisation. */
export function buildRoot(key: KeyObject, input: CaInput): string {
  const name = nameOf(input.organization);
  const publicKey = createPublicKey(key);
  return build({
    ...input,
    publicKey,
    isCa: true,
    issuer: { name, keyId: keyIdOf(publicKeyInfo(publicKey)) },
    subject: name,
    signer: key,
  });
}

/** A certificate for a CA of the given organisation, signed by another CA. */
export const buildIntermediate = (input: CaInput & { readonly publicKey: KeyObject }, issuer: Issuer): string =>
  build({ ...input, isCa: true, issuer: issuerOf(issuer), subject: nameOf(input.organization), signer: issuer.key });

const organizationName = '55040a';
const nameOf = (organization: string): Buffer =>
  sequence(der(tag.set, sequence(oid(organizationName), der(tag.utf8, Buffer.from(organization)))));
interface IssuerParts {
  readonly name: Uint8Array;
  readonly keyId: Uint8Array;
}
interface BuildInput extends CertificateInput {
  readonly isCa: boolean;
  readonly issuer: IssuerParts;
  readonly subject: Uint8Array;
  readonly signer: KeyObject;
}

function build(input: BuildInput): string {
  const { validity, issuer } = input;
  const signer = signerOf(input.signer);
  const keyInfo = publicKeyInfo(input.publicKey);
  const body = sequence(
    der(tag.around(0), der(tag.integer, Uint8Array.of(2))),
    der(tag.integer, positive(input.serial)),
    signer.algorithm,
    issuer.name,
    sequence(time(validity.notBefore), time(validity.notAfter)),
    input.subject,
    keyInfo,
    der(
      tag.around(3),
      buildExtensions({
        ...input,
        subjectKeyId: keyIdOf(keyInfo),
        issuerKeyId: issuer.keyId,
        emptySubject: !input.isCa,
      }),
    ),
  );
  return toPem(sequence(body, signer.algorithm, bits(signer.sign(body))), 'CERTIFICATE');
}

/** DER integers are signed and shortest: clear the sign, and never begin with a zero byte. */
function positive(serial: Uint8Array): Uint8Array {
  const bytes = Uint8Array.from(serial);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes;
}

const issuers = new WeakMap<X509Certificate, IssuerParts>();
/** What an issuer writes about itself into the certificates that it signs; read once. */
function issuerOf({ certificate }: Issuer): IssuerParts {
  const known = issuers.get(certificate);
  if (known) return known;
  const read = readDer(certificate.raw);
  const [body] = read.ok ? membersOf(read.value) : [];
  const subject = membersOf(body)[5];
  if (!subject) throw new Error("the issuer's certificate has no subject");
  const made = { name: subject.raw, keyId: keyIdOf(publicKeyInfo(certificate.publicKey)) };
  issuers.set(certificate, made);
  return made;
}

/** All certificates of a PEM bundle, at most `limit`. */
export function parseCertificates(pem: string, limit = 16): Result<X509Certificate[]> {
  if (pem.length > maxDerBytes * 4) return err(`larger than ${maxDerBytes * 4} characters`);
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]*-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0 || blocks.length > limit)
    return err(`expected 1 to ${limit} certificates, found ${blocks.length}`);
  try {
    return ok(blocks.map((block) => new X509Certificate(block)));
  } catch {
    return err('malformed certificate');
  }
}

/** Follows a chain, leaf first, to one of the roots; says which link does not hold. */
export function verifyChain(
  chain: readonly X509Certificate[],
  roots: readonly X509Certificate[],
  now: number,
): Result<X509Certificate> {
  const [leaf, ...rest] = chain;
  if (!leaf) return err('the chain is empty');
  let current = leaf;
  for (let depth = 0; depth <= chain.length; depth += 1) {
    if (now < current.validFromDate.getTime()) return err('a certificate of the chain is not valid yet');
    if (now > current.validToDate.getTime()) return err('a certificate of the chain has expired');
    const issuedBy = (ca: X509Certificate): boolean => ca.ca && current.checkIssued(ca) && current.verify(ca.publicKey);
    const root = roots.find(issuedBy);
    if (root)
      return now <= root.validToDate.getTime() && now >= root.validFromDate.getTime()
        ? ok(leaf)
        : err('the root is not valid now');
    const next = rest.find((ca) => !ca.raw.equals(current.raw) && issuedBy(ca));
    if (!next) return err('the chain does not end at a root that is trusted here');
    current = next;
  }
  return err('the chain is circular');
}
