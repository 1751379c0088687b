import { formatPrefix, parsePrefix } from '@flotilla/rules';
import { split } from './iptables-settings.ts';

/** A list of address ranges of one family. */
export interface NetworkRanges {
  readonly wildcard: boolean;
  readonly cidrs: readonly string[];
  readonly loopback: boolean;
}
export interface SeparatedRanges {
  readonly v4: NetworkRanges;
  readonly v6: NetworkRanges;
  readonly problems: readonly string[];
}

/**
 * Splits a list of CIDRs by family. Host bits stay; a bad range is skipped and named in `problems` (Istio 1.19:
 * separateV4V6).
 */
export function separateRanges(list: string): SeparatedRanges {
  if (list === '*') {
    const all: NetworkRanges = { wildcard: true, cidrs: [], loopback: false };
    return { v4: all, v6: all, problems: [] };
  }
  const v4: string[] = [];
  const v6: string[] = [];
  const problems: string[] = [];
  for (const text of split(list)) {
    const parsed = parsePrefix(text);
    if (!parsed.ok) problems.push(`Ignoring error for bug compatibility with istio-iptables: ${parsed.error}`);
    else (parsed.value.bytes.length === 4 ? v4 : v6).push(formatPrefix(parsed.value));
  }
  return {
    v4: { wildcard: false, cidrs: v4, loopback: v4.some((cidr) => cidr.startsWith('127.')) },
    v6: { wildcard: false, cidrs: v6, loopback: v6.some((cidr) => cidr.startsWith('::1/')) },
    problems,
  };
}
