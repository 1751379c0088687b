import { err, ok } from '@flotilla/std';
import type { Result } from '@flotilla/std';

/** Tags of the values that certificates and requests consist of (X.690). */
export const tag = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  utf8: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
  /** A context-specific tag over raw bytes, or around values. */
  raw: (number: number): number => 0x80 | number,
  around: (number: number): number => 0xa0 | number,
} as const;

/** No certificate or request that a mesh makes is near this; more is refused unread. */
export const maxDerBytes = 64 * 1024;
/** Members of one value. */
const maxMembers = 128;

/** One value: its tag, its bytes with tag and length, and what is in it. Both are views of the bytes that were read. */
export interface Der {
  readonly tag: number;
  readonly raw: Buffer;
  readonly content: Buffer;
}

/**
 * The value at `start`; undefined where the bytes are not DER: tags above 30, lengths that are indefinite, longer than
 * needed or beyond the end.
 */
function valueAt(bytes: Buffer, start: number): Der | undefined {
  const [first, lengthByte] = [bytes[start], bytes[start + 1]];
  if (first === undefined || lengthByte === undefined || (first & 0x1f) === 0x1f) return undefined;
  let [offset, length] = [start + 2, lengthByte];
  if (lengthByte >= 0x80) {
    const count = lengthByte & 0x7f;
    if (count < 1 || count > 3 || offset + count > bytes.length) return undefined;
    length = bytes.readUIntBE(offset, count);
    offset += count;
    if (length < 0x80 || length < 2 ** (8 * (count - 1))) return undefined;
  }
  return offset + length <= bytes.length
    ? { tag: first, raw: bytes.subarray(start, offset + length), content: bytes.subarray(offset, offset + length) }
    : undefined;
}

/**
 * Reads exactly one value. Fails on anything malformed, trailing or over the size limit. What is in it is not looked
 * at.
 */
export function readDer(bytes: Uint8Array): Result<Der> {
  if (bytes.length > maxDerBytes) return err(`larger than ${maxDerBytes} bytes`);
  const value = valueAt(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), 0);
  return value?.raw.length === bytes.length ? ok(value) : err('malformed DER');
}

/** The values in a value, one level deep; none where it is not made of values. */
export function membersOf(value: Der | undefined): readonly Der[] {
  const members: Der[] = [];
  if (!value || (value.tag & 0x20) === 0) return members;
  for (let offset = 0; offset < value.content.length;) {
    const member = valueAt(value.content, offset);
    if (!member || members.length === maxMembers) return [];
    members.push(member);
    offset += member.raw.length;
  }
  return members;
}

/** Writes a value: the bytes of the parts, one after the other, under a tag. */
export function der(tagByte: number, ...parts: readonly Uint8Array[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const bytes =
    length < 0x80
      ? [length]
      : length < 0x100
        ? [0x81, length]
        : length < 0x10000
          ? [0x82, length >> 8, length & 0xff]
          : [0x83, length >> 16, (length >> 8) & 0xff, length & 0xff];
  return Buffer.concat([Uint8Array.of(tagByte, ...bytes), ...parts]);
}
export const sequence = (...items: readonly Uint8Array[]): Buffer => der(tag.sequence, ...items);
export const oid = (content: string): Buffer => der(tag.oid, Buffer.from(content, 'hex'));
export const bits = (bytes: Uint8Array, unused = 0): Buffer => der(tag.bitString, Uint8Array.of(unused), bytes);
/** UTCTime before 2050, GeneralizedTime from then on (RFC 5280, 4.1.2.5). */
export function time(ms: number): Buffer {
  const digits = `${new Date(ms).toISOString().slice(0, 19).replace(/\D/g, '')}Z`;
  return digits < '2050'
    ? der(tag.utcTime, Buffer.from(digits.slice(2)))
    : der(tag.generalizedTime, Buffer.from(digits));
}

/**
 * The DER of the only PEM block in a text, where its label is one of `labels`; fails when there is none, several, or
 * too much.
 */
export function readPem(text: string, labels: readonly string[]): Result<Buffer> {
  if (text.length > maxDerBytes * 2) return err(`larger than ${maxDerBytes * 2} characters`);
  const [, first, ...more] = text.split('-----BEGIN ');
  if (first === undefined || more.length > 0)
    return err(`expected one PEM block "${labels[0]}", found ${more.length + (first === undefined ? 0 : 1)}`);
  const label = labels.find((each) => first.startsWith(`${each}-----`));
  if (label === undefined) return err(`expected a PEM block "${labels[0]}", found another`);
  const end = first.indexOf(`-----END ${label}-----`);
  const body = first.slice(label.length + '-----'.length, Math.max(end, 0)).replace(/\s/g, '');
  if (end < 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(body))
    return err(`the PEM block "${label}" has no end, or is not base64`);
  return ok(Buffer.from(body, 'base64'));
}

export function toPem(bytes: Uint8Array, label: string): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
  const lines = Array.from({ length: Math.ceil(text.length / 64) }, (_, i) => text.slice(i * 64, i * 64 + 64));
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
