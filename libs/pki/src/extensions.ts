import { hash } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { bits, der, membersOf, oid, readDer, sequence, tag } from './der.ts';

/** Names of a certificate beside its subject. */
export interface AltNames {
  readonly uris?: readonly string[];
  readonly dns?: readonly string[];
}

const ids = {
  subjectAltName: '551d11',
  keyUsage: '551d0f',
  extendedKeyUsage: '551d25',
  basicConstraints: '551d13',
  subjectKeyId: '551d0e',
  authorityKeyId: '551d23',
  serverAuth: '2b06010505070301',
  clientAuth: '2b06010505070302',
};

const yes = der(tag.boolean, Uint8Array.of(0xff));
const extension = (id: string, critical: boolean, value: Uint8Array): Buffer =>
  sequence(oid(id), ...(critical ? [yes] : []), der(tag.octetString, value));

/**
 * The names as an extension, critical where there is no subject (RFC 5280, 4.2.1.6); nothing where there are no names.
 */
export function subjectAltNames(
  { uris = [], dns = [] }: AltNames,
  { emptySubject }: { readonly emptySubject: boolean },
): readonly Buffer[] {
  const names = [
    ...dns.map((name) => der(tag.raw(2), Buffer.from(name, 'ascii'))),
    ...uris.map((uri) => der(tag.raw(6), Buffer.from(uri, 'ascii'))),
  ];
  return names.length > 0 ? [extension(ids.subjectAltName, emptySubject, sequence(...names))] : [];
}

export const publicKeyInfo = (key: KeyObject): Buffer => key.export({ type: 'spki', format: 'der' });

/** RFC 5280, 4.2.1.2, method 1: SHA-1 of the key's bits. */
export function keyIdOf(keyInfo: Uint8Array): Buffer {
  const read = readDer(keyInfo);
  const [, key] = read.ok ? membersOf(read.value) : [];
  if (!key) throw new Error('a public key without its bits');
  return hash('sha1', key.content.subarray(1), 'buffer');
}

export interface ExtensionInput extends AltNames {
  readonly isCa: boolean;
  readonly subjectKeyId: Uint8Array;
  readonly issuerKeyId: Uint8Array;
  readonly emptySubject: boolean;
}

const ofCa = [
  extension(ids.keyUsage, true, bits(Uint8Array.of(0x06), 1)),
  extension(ids.basicConstraints, true, sequence(yes)),
];
const ofWorkload = [
  extension(ids.keyUsage, true, bits(Uint8Array.of(0xa0), 5)),
  extension(ids.extendedKeyUsage, false, sequence(oid(ids.serverAuth), oid(ids.clientAuth))),
  extension(ids.basicConstraints, true, sequence()),
];

/** Those of a CA (signs certificates and lists of revoked ones) or of a workload (server and client). */
export const buildExtensions = (input: ExtensionInput): Buffer =>
  sequence(
    ...(input.isCa ? ofCa : ofWorkload),
    extension(ids.subjectKeyId, false, der(tag.octetString, input.subjectKeyId)),
    extension(ids.authorityKeyId, false, sequence(der(tag.raw(0), input.issuerKeyId))),
    ...subjectAltNames(input, input),
  );
