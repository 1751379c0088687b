import type { Resource } from '@flotilla/model';
import { compareAge } from '@flotilla/rules';
import { isSelected, rootNamespace, setting, trustDomain, worldQuery, type View } from '@flotilla/pilot-world';

export type AuthorizationResource = Resource<'authorization-policies'>;
type Selecting = 'authorization-policies' | 'request-authentications';

/** A namespace's policies that select the proxy, the oldest first. */
export function selecting<C extends Selecting>(view: View, collection: C, namespace: string): Resource<C>[] {
  return view
    .index(collection, 'namespace', namespace)
    .flatMap((key) => view.get(collection, key) ?? [])
    .filter(({ spec }) => isSelected(view, spec.selector?.matchLabels))
    .sort((a, b) => compareAge(a.meta, b.meta));
}

/** The proxy's AuthorizationPolicies: the root namespace's (selectors hold there too), then its own. */
export const authorizationPolicies = worldQuery('authorization-policies-of', (view): readonly AuthorizationResource[] =>
  [...new Set([rootNamespace(view), view.attr('namespace')])].flatMap((namespace) =>
    selecting(view, 'authorization-policies', namespace),
  ),
);

/** The trust domains that count as this mesh's own: its own, then its aliases. */
export const ownTrustDomains = (view: View): string[] => [
  ...new Set([trustDomain(view), ...[...(setting(view, 'trustDomainAliases') ?? [])].sort()]),
];
