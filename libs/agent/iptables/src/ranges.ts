import { err, ok } from '@flotilla/std';
import type { Result } from '@flotilla/std';
import { isIpv6, split } from './settings.ts';

/** A list of address ranges of one family. */
export interface NetworkRanges { readonly wildcard: boolean; readonly cidrs: readonly string[]; readonly loopback: boolean }
export interface SeparatedRanges { readonly v4: NetworkRanges; readonly v6: NetworkRanges; readonly problems: readonly string[] }

/** Splits a list of CIDRs by family. Host bits stay; a bad range is skipped and named in `problems` (Istio 1.19: separateV4V6). */
export function separateRanges(list: string): SeparatedRanges {
  if (list === '*') {
    const all: NetworkRanges = { wildcard: true, cidrs: [], loopback: false };
    return { v4: all, v6: all, problems: [] };
  }
  const v4: string[] = [];
  const v6: string[] = [];
  const problems: string[] = [];
  for (const text of split(list)) {
    const parsed = parseCidr(text);
    if (!parsed.ok) problems.push(`Ignoring error for bug compatibility with istio-iptables: ${parsed.error}`);
    else (isIpv6(parsed.value) ? v6 : v4).push(parsed.value);
  }
  return {
    v4: { wildcard: false, cidrs: v4, loopback: v4.some((cidr) => cidr.startsWith('127.')) },
    v6: { wildcard: false, cidrs: v6, loopback: v6.some((cidr) => cidr.startsWith('::1/')) },
    problems,
  };
}

/** A CIDR in canonical text, or what is wrong with it. */
function parseCidr(text: string): Result<string> {
  const bad = (why: string) => err(`netip.ParsePrefix(${JSON.stringify(text)}): ${why}`);
  const slash = text.lastIndexOf('/');
  if (slash < 0) return bad("no '/'");
  const [address, bits] = [text.slice(0, slash), text.slice(slash + 1)];
  if (!/^(0|[1-9]\d{0,2})$/.test(bits)) return bad(`bad bits after slash: ${JSON.stringify(bits)}`);
  if (isIpv6(address)) {
    if (!URL.canParse(`http://[${address}]/`) || Number(bits) > 128) return bad('prefix length out of range');
    return ok(`${new URL(`http://[${address}]/`).hostname.slice(1, -1)}/${bits}`);
  }
  const octets = address.split('.');
  if (octets.length !== 4 || octets.some((octet) => !/^(0|[1-9]\d{0,2})$/.test(octet) || Number(octet) > 255)) return bad(`ParseAddr(${JSON.stringify(address)}): unable to parse IP`);
  return Number(bits) > 32 ? bad('prefix length out of range') : ok(text);
}
