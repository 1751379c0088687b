/** The bytes of an IP address, 4 or 16; undefined for what is none. */
export function parseAddress(text: string): readonly number[] | undefined {
  if (/^\d{1,3}(\.\d{1,3}){3}$/.test(text)) {
    const bytes = text.split('.').map(Number);
    return bytes.every((byte) => byte < 256) ? bytes : undefined;
  }
  if (!/^[0-9a-fA-F:]*:[0-9a-fA-F:]*$/.test(text)) return undefined;
  const [head = '', tail, ...more] = text.split('::');
  const words = (part: string): string[] => (part === '' ? [] : part.split(':'));
  const [left, right] = [words(head), words(tail ?? '')];
  const missing = 8 - left.length - right.length;
  if (more.length > 0 || (tail === undefined ? missing !== 0 : missing < 1) || [...left, ...right].some((word) => !/^[0-9a-fA-F]{1,4}$/.test(word))) return undefined;
  return [...left, ...Array<string>(missing).fill('0'), ...right].flatMap((word) => [parseInt(word, 16) >> 8, parseInt(word, 16) & 255]);
}

export interface Cidr { readonly bytes: readonly number[]; readonly length: number }

/** `address/length`; undefined for anything else. */
export function parseCidr(text: string): Cidr | undefined {
  const [address = '', length = '', ...more] = text.split('/');
  const bytes = parseAddress(address);
  return bytes && more.length === 0 && /^\d{1,3}$/.test(length) && Number(length) <= 8 * bytes.length ? { bytes, length: Number(length) } : undefined;
}

/** Is an address, of the same family, in a CIDR? */
export function cidrContains({ bytes, length }: Cidr, ip: string): boolean {
  const own = parseAddress(ip);
  return own?.length === bytes.length && own.every((byte, i) => {
    const beyond = 8 - Math.min(8, Math.max(0, length - 8 * i));
    return byte >> beyond === (bytes[i] ?? 0) >> beyond;
  });
}
