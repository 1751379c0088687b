import { isAddress, parsePrefix } from '@flotilla/rules';

/** What is wrong with `address/bits`, in the words of Go's netip; undefined for nothing. */
export function prefixMistake(text: string): string | undefined {
  const prefix = parsePrefix(text);
  return prefix.ok ? undefined : prefix.error;
}

export const ipMistake = (text: string): string | undefined =>
  isAddress(text) ? undefined : `${text} is not a valid IP`;

/** An address or a CIDR block. */
export function subnetMistake(text: string): string | undefined {
  const slash = text.indexOf('/');
  if (slash < 0 || slash !== text.lastIndexOf('/')) return ipMistake(text);
  return prefixMistake(text) === undefined ? undefined : `${text} is not a valid CIDR block`;
}
