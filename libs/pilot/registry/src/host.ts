import { compareText } from '@flotilla/std';
import type { Meta } from '@flotilla/model';

export const isWildcard = (host: string): boolean => host.startsWith('*');

/** Istio's `host.Matches`: do the two (each perhaps a wildcard) name a common host? */
export function hostMatches(a: string, b: string): boolean {
  if (isWildcard(a)) {
    if (isWildcard(b)) return a.length < b.length ? b.slice(1).endsWith(a.slice(1)) : a.slice(1).endsWith(b.slice(1));
    return b.endsWith(a.slice(1));
  }
  return isWildcard(b) ? a.endsWith(b.slice(1)) : a === b;
}

/** Istio's `host.SubsetOf`: is every host that `a` names named by `b` too? */
export function hostSubsetOf(a: string, b: string): boolean {
  if (isWildcard(a)) return isWildcard(b) && a.length >= b.length && a.slice(1).endsWith(b.slice(1));
  return isWildcard(b) ? a.endsWith(b.slice(1)) : a === b;
}

/** Most specific first: wildcards last, longer ones before shorter ones, then by name (Istio's host.Names). */
export function compareSpecific(a: string, b: string): number {
  const [wa, wb] = [isWildcard(a), isWildcard(b)];
  if (wa !== wb) return wa ? 1 : -1;
  return b.length - a.length || compareText(a, b);
}

/** The most specific of `candidates` that covers `host`; the wildcards are tried from the longest on. */
export function mostSpecificMatch(
  host: string,
  exact: { has(h: string): boolean },
  wildcards: readonly string[],
): string | undefined {
  if (exact.has(host)) return host;
  return wildcards
    .filter((wildcard) => (isWildcard(host) ? hostSubsetOf(host, wildcard) : hostMatches(host, wildcard)))
    .sort(compareSpecific)[0];
}

/** A name without dots, no address, is a Service of the resource's own namespace (Istio: "short names"). */
export function resolveShortName(host: string, meta: Pick<Meta, 'namespace'>, domain: string): string {
  if (host.includes('*') || host.includes('.') || host.includes(':') || host === '') return host;
  return meta.namespace === '' ? `${host}.svc.${domain}` : `${host}.${meta.namespace}.svc.${domain}`;
}
