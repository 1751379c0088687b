const isIPv4 = (text: string): boolean => /^\d{1,3}(\.\d{1,3}){3}$/.test(text)
  && text.split('.').every((part) => Number(part) < 256 && (part === '0' || !part.startsWith('0')));

/** The number of 16-bit groups of a colon-separated list; undefined when one is none. A dotted IPv4 address at the end counts as two. */
function countGroups(text: string, mayEndInIPv4: boolean): number | undefined {
  if (text === '') return 0;
  const parts = text.split(':');
  const last = parts.at(-1) ?? '';
  const dotted = mayEndInIPv4 && last.includes('.');
  if (dotted && !isIPv4(last)) return undefined;
  const plain = dotted ? parts.slice(0, -1) : parts;
  return plain.every((part) => /^[0-9a-fA-F]{1,4}$/.test(part)) ? plain.length + (dotted ? 2 : 0) : undefined;
}

function isIPv6(text: string): boolean {
  const zone = text.indexOf('%');
  const address = zone < 0 ? text : text.slice(0, zone);
  if (zone === text.length - 1 && zone >= 0) return false;
  const halves = address.split('::');
  if (halves.length > 2) return false;
  const counts = halves.map((half, i) => countGroups(half, i === halves.length - 1));
  const total = counts.reduce<number>((sum, count) => sum + (count ?? Number.NaN), 0);
  return halves.length === 2 ? total < 8 : total === 8;
}

export const isIP = (text: string): boolean => text.length <= 100 && (isIPv4(text) || (text.includes(':') && isIPv6(text)));

/** What is wrong with `address/bits`, in the words of Go's netip; undefined for nothing. */
export function prefixMistake(text: string): string | undefined {
  const slash = text.lastIndexOf('/');
  const address = text.slice(0, slash);
  const bits = text.slice(slash + 1);
  const shown = `netip.ParsePrefix(${JSON.stringify(text)})`;
  if (slash < 0) return `${shown}: no '/'`;
  if (!isIP(address)) return `${shown}: ParseAddr(${JSON.stringify(address)}): unable to parse IP`;
  if (address.includes('%')) return `${shown}: IPv6 zones cannot be present in a prefix`;
  if (!/^(0|[1-9]\d{0,2})$/.test(bits)) return `${shown}: bad bits after slash: ${JSON.stringify(bits)}`;
  return Number(bits) > (address.includes(':') ? 128 : 32) ? `${shown}: prefix length out of range` : undefined;
}

export const ipMistake = (text: string): string | undefined => (isIP(text) ? undefined : `${text} is not a valid IP`);

/** An address or a CIDR block. */
export function subnetMistake(text: string): string | undefined {
  if (text.split('/').length !== 2) return ipMistake(text);
  return prefixMistake(text) === undefined ? undefined : `${text} is not a valid CIDR block`;
}
