import forge from 'node-forge';
import { err, ok } from '@flotilla/std';
import type { Result } from '@flotilla/std';

export type Asn1 = forge.asn1.Asn1;
const { Class, Type } = forge.asn1;

/** No certificate or request that a mesh makes is near this; more is refused unread. */
export const maxDerBytes = 64 * 1024;

export const binary = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');
export const bytesOf = (text: string): Buffer => Buffer.from(text, 'latin1');

const node = (type: forge.asn1.Type, constructed: boolean, value: string | Asn1[]): Asn1 => forge.asn1.create(Class.UNIVERSAL, type, constructed, value);

export const sequence = (...items: Asn1[]): Asn1 => node(Type.SEQUENCE, true, items);
export const setOf = (...items: Asn1[]): Asn1 => node(Type.SET, true, items);
export const oid = (dotted: string): Asn1 => node(Type.OID, false, forge.asn1.oidToDer(dotted).getBytes());
export const integer = (bytes: Uint8Array): Asn1 => node(Type.INTEGER, false, binary(bytes));
export const boolean = (value: boolean): Asn1 => node(Type.BOOLEAN, false, value ? '\xff' : '\0');
export const octets = (inner: Asn1 | Uint8Array): Asn1 => node(Type.OCTETSTRING, false, inner instanceof Uint8Array ? binary(inner) : forge.asn1.toDer(inner).getBytes());
export const bits = (bytes: Uint8Array, unused = 0): Asn1 => node(Type.BITSTRING, false, String.fromCharCode(unused) + binary(bytes));
export const utf8 = (text: string): Asn1 => node(Type.UTF8, false, forge.util.encodeUtf8(text));
/** A context-specific tag around one or more values, or over raw bytes. */
export const tagged = (tag: number, value: Asn1[] | Uint8Array): Asn1 =>
  forge.asn1.create(Class.CONTEXT_SPECIFIC, tag, Array.isArray(value), Array.isArray(value) ? value : binary(value as Uint8Array));
/** UTCTime before 2050, GeneralizedTime from then on (RFC 5280, 4.1.2.5). */
export const time = (ms: number): Asn1 => {
  const date = new Date(ms);
  return date.getUTCFullYear() < 2050
    ? node(Type.UTCTIME, false, forge.asn1.dateToUtcTime(date) as unknown as string)
    : node(Type.GENERALIZEDTIME, false, forge.asn1.dateToGeneralizedTime(date) as unknown as string);
};

export const toDer = (value: Asn1): Buffer => bytesOf(forge.asn1.toDer(value).getBytes());

/** forge's types know only its older signature. */
const fromDer = forge.asn1.fromDer as unknown as (bytes: forge.util.ByteStringBuffer, options: { strict: boolean; parseAllBytes: boolean; decodeBitStrings: boolean }) => Asn1;
/** Throws for malformed DER: for bytes that this process made. */
export const readDer = (der: Uint8Array): Asn1 => fromDer(forge.util.createBuffer(binary(der)), { strict: true, parseAllBytes: true, decodeBitStrings: false });

/** Reads exactly one DER value. Fails on anything malformed, trailing or over the size limit. */
export function parseDer(der: Uint8Array): Result<Asn1> {
  if (der.length > maxDerBytes) return err(`larger than ${maxDerBytes} bytes`);
  try {
    return ok(readDer(der));
  } catch {
    return err('malformed DER');
  }
}

export const childrenOf = (value: Asn1 | undefined): readonly Asn1[] => (value && Array.isArray(value.value) ? value.value : []);
export const contentOf = (value: Asn1 | undefined): string => (value && typeof value.value === 'string' ? value.value : '');

/** The DER of the only PEM block of that kind in a text; fails when there is none, several, or too much. */
export function parsePem(text: string, label: string): Result<Buffer> {
  if (text.length > maxDerBytes * 2) return err(`larger than ${maxDerBytes * 2} characters`);
  const blocks = [...text.matchAll(/-----BEGIN ([A-Z0-9 ]{1,40})-----([A-Za-z0-9+/=\s]*)-----END \1-----/g)];
  const [block] = blocks;
  if (!block || blocks.length > 1) return err(`expected one PEM block "${label}", found ${blocks.length}`);
  if (block[1] !== label) return err(`expected a PEM block "${label}", found "${block[1]}"`);
  return ok(Buffer.from((block[2] ?? '').replace(/\s+/g, ''), 'base64'));
}

export const toPem = (der: Uint8Array, label: string): string =>
  `-----BEGIN ${label}-----\n${(Buffer.from(der).toString('base64').match(/.{1,64}/g) ?? []).join('\n')}\n-----END ${label}-----\n`;
