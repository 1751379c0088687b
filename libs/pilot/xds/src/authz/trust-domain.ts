const isBegunBy = (text: string, pattern: string): boolean =>
  pattern.endsWith('*') && text.startsWith(pattern.slice(0, -1));
const isEndedBy = (text: string, pattern: string): boolean =>
  pattern.startsWith('*') && text.endsWith(pattern.slice(1));

/** Whether a trust domain is in a list. Either side may begin or end with a star. */
const among = (domain: string, domains: readonly string[]): boolean =>
  domains.some(
    (item) =>
      item === domain ||
      item === '*' ||
      isBegunBy(domain, item) ||
      isBegunBy(item, domain) ||
      isEndedBy(domain, item) ||
      isEndedBy(item, domain),
  );

/**
 * Principals of a policy in all trust domains that the mesh goes by (Istio "Trust Domain Migration"). Only a full
 * `domain/ns/x/sa/y` whose domain is the mesh's, or `cluster.local`, is repeated; the rest stays as written. So does a
 * domain `*suffix` for each of the mesh's trust domains that it matches.
 */
export function inTrustDomains(principals: readonly string[], domains: readonly string[]): string[] {
  return principals.flatMap((principal) => {
    const [domain = '', ...rest] = principal.split('/');
    if (rest.length !== 4 || domain === '*') return [principal];
    if (!among(domain, domains) && domain !== 'cluster.local') return [principal];
    return [...new Set(domains.map((other) => (isEndedBy(other, domain) ? principal : [other, ...rest].join('/'))))];
  });
}
