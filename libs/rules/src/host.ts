import { compareText } from '@flotilla/std';

/** Does a host begin with `*` (Istio's host.Name.IsWildCarded)? */
export const isWildcard = (host: string): boolean => host.startsWith('*');

/** Istio's `host.Name.Matches`: do the two (each perhaps a wildcard) name a common host? */
export function hostMatches(a: string, b: string): boolean {
  if (isWildcard(a)) {
    if (isWildcard(b)) return a.length < b.length ? b.slice(1).endsWith(a.slice(1)) : a.slice(1).endsWith(b.slice(1));
    return b.endsWith(a.slice(1));
  }
  return isWildcard(b) ? a.endsWith(b.slice(1)) : a === b;
}

/** Istio's `host.Name.SubsetOf`: is every host that `a` names named by `b` too? */
export function hostSubsetOf(a: string, b: string): boolean {
  if (isWildcard(a)) return isWildcard(b) && a.length >= b.length && a.slice(1).endsWith(b.slice(1));
  return isWildcard(b) ? a.endsWith(b.slice(1)) : a === b;
}

/** Most specific first: wildcards last, longer ones before shorter ones, then by name (Istio's host.Names). */
export function compareSpecific(a: string, b: string): number {
  if (isWildcard(a) !== isWildcard(b)) return isWildcard(a) ? 1 : -1;
  return b.length - a.length || compareText(a, b);
}

/** The most specific of `exact` and `wildcards` that covers `host` (Istio's MostSpecificHostMatch). */
export function mostSpecificMatch(
  host: string,
  exact: { has(host: string): boolean },
  wildcards: readonly string[],
): string | undefined {
  if (exact.has(host)) return host;
  return wildcards
    .filter((wildcard) => (isWildcard(host) ? hostSubsetOf(host, wildcard) : hostMatches(host, wildcard)))
    .sort(compareSpecific)[0];
}

/** The DNS name of a Kubernetes Service; `domain` is the cluster's, such as `cluster.local`. */
export const serviceHostname = (name: string, namespace: string, domain: string): string =>
  `${name}.${namespace}.svc.${domain}`;

/**
 * The host that a name in a resource means: a name without dots that is not an address names a Service of the
 * resource's own namespace (Istio's ResolveShortnameToFQDN).
 */
export function resolveShortName(host: string, { namespace }: { readonly namespace: string }, domain: string): string {
  if (host.includes('*') || host.includes('.') || host.includes(':') || host === '') return host;
  return namespace === '' ? `${host}.svc.${domain}` : serviceHostname(host, namespace, domain);
}
