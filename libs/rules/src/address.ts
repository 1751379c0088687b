import { err, longest, ok, quote, tooLong, type Result } from '@flotilla/std';

/** An IP address. */
export interface Address {
  /** 4 or 16. */
  readonly bytes: readonly number[];
  /** What follows `%`; only IPv6 addresses have one. */
  readonly zone?: string;
}

/** An address and how many of its bits a block of addresses shares; bits beyond these may be set. */
export interface Prefix {
  readonly bytes: readonly number[];
  readonly length: number;
}

/**
 * An IP address as Go's netip.ParseAddr reads it: no leading zeros in IPv4, at most one `::`, an IPv4 address at the
 * end of an IPv6 one, a zone. Error: Go's words for a text that is not an address.
 */
export function parseAddress(text: string): Result<Address> {
  const read = tooLong(text, longest.address) === undefined ? readAddress(text) : undefined;
  return read ? ok(read) : err(`ParseAddr(${quote(text)}): unable to parse IP`);
}

export const isAddress = (text: string): boolean => parseAddress(text).ok;

function readAddress(text: string): Address | undefined {
  if (!text.includes(':')) {
    const bytes = readIPv4(text);
    return bytes && { bytes };
  }
  const percent = text.indexOf('%');
  const bytes = readIPv6(percent < 0 ? text : text.slice(0, percent));
  const zone = percent < 0 ? undefined : text.slice(percent + 1);
  return bytes === undefined || zone === '' ? undefined : { bytes, ...(zone === undefined ? {} : { zone }) };
}

function readIPv4(text: string): number[] | undefined {
  const parts = text.split('.');
  const isByte = (part: string): boolean =>
    part.length <= 3 && (part === '0' || /^[1-9]\d*$/.test(part)) && Number(part) < 256;
  return parts.length === 4 && parts.every(isByte) ? parts.map(Number) : undefined;
}

function readIPv6(text: string): number[] | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [head = '', tail] = halves;
  const [left, right] = [readGroups(head, tail === undefined), readGroups(tail ?? '', true)];
  if (!left || !right) return undefined;
  const missing = 16 - left.length - right.length;
  // `::` means at least one group of zeros.
  if (tail === undefined ? missing !== 0 : missing < 2) return undefined;
  return [...left, ...Array<number>(missing).fill(0), ...right];
}

/** The bytes of groups of hexadecimal digits between colons, the last of which may be an IPv4 address. */
function readGroups(text: string, isEnd: boolean): number[] | undefined {
  if (text === '') return [];
  const bytes: number[] = [];
  const groups = text.split(':');
  for (const [i, group] of groups.entries()) {
    const four = isEnd && i === groups.length - 1 && group.includes('.') ? readIPv4(group) : undefined;
    if (four) bytes.push(...four);
    else if (/^[0-9a-fA-F]{1,4}$/.test(group)) bytes.push(Number(`0x${group}`) >> 8, Number(`0x${group}`) & 255);
    else return undefined;
  }
  return bytes;
}

/** A block of addresses, `address/bits`, as Go's netip.ParsePrefix reads it. Error: Go's words. */
export function parsePrefix(text: string): Result<Prefix> {
  const wrong = (why: string): Result<never> => err(`netip.ParsePrefix(${quote(text)}): ${why}`);
  const slash = text.lastIndexOf('/');
  if (slash < 0) return wrong("no '/'");
  const length = tooLong(text, longest.address);
  if (length !== undefined) return wrong(length);
  const address = parseAddress(text.slice(0, slash));
  if (!address.ok) return wrong(address.error);
  if (address.value.zone !== undefined) return wrong('IPv6 zones cannot be present in a prefix');
  const bits = text.slice(slash + 1);
  if (!isCanonicalNumber(bits)) return wrong(`bad bits after slash: ${quote(bits)}`);
  const { bytes } = address.value;
  return Number(bits) <= 8 * bytes.length ? ok({ bytes, length: Number(bits) }) : wrong('prefix length out of range');
}

const isCanonicalNumber = (text: string): boolean => /^(?:0|[1-9][0-9]*)$/.test(text);

/** Whether an address, of the same family, is in a block. False for a text that is not an address. */
export function prefixContains({ bytes, length }: Prefix, address: string): boolean {
  const other = parseAddress(address);
  return (
    other.ok &&
    other.value.bytes.length === bytes.length &&
    bytes.every((byte, i) => {
      const beyond = 8 - Math.min(8, Math.max(0, length - 8 * i));
      return byte >> beyond === (other.value.bytes[i] ?? 0) >> beyond;
    })
  );
}

/** The text of a block as Go writes it, its address as formatAddress does. */
export const formatPrefix = (prefix: Prefix): string => `${formatAddress(prefix)}/${prefix.length}`;

/**
 * The text of an address as Go writes it: IPv6 in lower case, without leading zeros, the longest run of zeros as `::`
 * (RFC 5952), and with its zone.
 */
export const formatAddress = ({ bytes, zone }: Address): string =>
  `${bytes.length === 4 ? bytes.join('.') : formatIPv6(bytes)}${zone === undefined ? '' : `%${zone}`}`;

function formatIPv6(bytes: readonly number[]): string {
  if (bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 255 && bytes[11] === 255)
    return `::ffff:${bytes.slice(12).join('.')}`;
  const groups = Array.from({ length: 8 }, (_, i) =>
    (((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0)).toString(16),
  );
  let [start, size] = [0, 1];
  for (let i = 0; i < 8; i += 1) {
    const end = groups.findIndex((group, n) => n >= i && group !== '0');
    const run = (end < 0 ? 8 : end) - i;
    if (run > size) [start, size] = [i, run];
  }
  return size < 2 ? groups.join(':') : `${groups.slice(0, start).join(':')}::${groups.slice(start + size).join(':')}`;
}
