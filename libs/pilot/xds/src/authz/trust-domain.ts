/** A pattern against a list of trust domains, either side perhaps with a star. */
const among = (domain: string, domains: readonly string[]): boolean =>
  domains.some(
    (item) =>
      item === domain ||
      item === '*' ||
      (item.endsWith('*') && domain.startsWith(item.slice(0, -1))) ||
      (item.startsWith('*') && domain.endsWith(item.slice(1))),
  );

const covers = (pattern: string, domain: string): boolean =>
  pattern === domain || (pattern.startsWith('*') && domain.endsWith(pattern.slice(1)));

/**
 * Principals of a policy in all trust domains that the mesh goes by (Istio "Trust Domain Migration"). Only a full
 * `domain/ns/x/sa/y` whose domain is the mesh's, or `cluster.local`, is repeated; the rest stays as written.
 */
export function inTrustDomains(principals: readonly string[], domains: readonly string[]): string[] {
  return principals.flatMap((principal) => {
    const [domain = '', ...rest] = principal.split('/');
    if (rest.length !== 4 || domain === '*') return [principal];
    if (!among(domain, domains) && domain !== 'cluster.local') return [principal];
    return domains.map((other) => (covers(domain, other) ? principal : [other, ...rest].join('/')));
  });
}
