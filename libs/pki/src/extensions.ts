import { hash } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { bits, boolean, bytesOf, childrenOf, contentOf, octets, oid, readDer, sequence, tagged } from './der.ts';
import type { Asn1 } from './der.ts';

export const ecdsaSha256 = '1.2.840.10045.4.3.2';

/** Names of a certificate beside its subject. */
export interface AltNames { readonly uris?: readonly string[]; readonly dns?: readonly string[] }

export const subjectAltNames = ({ uris = [], dns = [] }: AltNames): Asn1 =>
  sequence(...dns.map((name) => tagged(2, Buffer.from(name, 'ascii'))), ...uris.map((uri) => tagged(6, Buffer.from(uri, 'ascii'))));

export const publicKeyInfo = (key: KeyObject): Asn1 => readDer(key.export({ type: 'spki', format: 'der' }));

/** RFC 5280, 4.2.1.2, method 1: SHA-1 of the key's bits. */
export const keyIdOf = (key: KeyObject): Buffer => {
  const content = contentOf(childrenOf(publicKeyInfo(key))[1]);
  return hash('sha1', bytesOf(content).subarray(1), 'buffer');
};

const extension = (id: string, critical: boolean, value: Asn1): Asn1 => sequence(oid(id), ...(critical ? [boolean(true)] : []), octets(value));

export interface ExtensionInput extends AltNames { readonly isCa: boolean; readonly subjectKey: KeyObject; readonly issuerKey: KeyObject; readonly emptySubject: boolean }

/** Those of a CA (signs certificates and lists of revoked ones) or of a workload (server and client). */
export function buildExtensions(input: ExtensionInput): Asn1 {
  const named = (input.uris?.length ?? 0) + (input.dns?.length ?? 0) > 0;
  return sequence(
    extension('2.5.29.15', true, input.isCa ? bits(Buffer.from([0x06]), 1) : bits(Buffer.from([0xa0]), 5)),
    ...(input.isCa ? [] : [extension('2.5.29.37', false, sequence(oid('1.3.6.1.5.5.7.3.1'), oid('1.3.6.1.5.5.7.3.2')))]),
    extension('2.5.29.19', true, input.isCa ? sequence(boolean(true)) : sequence()),
    extension('2.5.29.14', false, octets(keyIdOf(input.subjectKey))),
    extension('2.5.29.35', false, sequence(tagged(0, keyIdOf(input.issuerKey)))),
    ...(named ? [extension('2.5.29.17', input.emptySubject, subjectAltNames(input))] : []),
  );
}
