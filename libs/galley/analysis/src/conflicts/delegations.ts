import { buildProblem, type HTTPRoute, type ObjectKey, type Problem } from '@flotilla/model';
import { defineQuery } from '@flotilla/query';
import { delegationLimits, Delegations } from '@flotilla/rules';
import type { Check } from '../check.ts';
import { filed, type View } from '../view.ts';

/** The routes of a VirtualService, by `namespace/name`, that others may delegate to: it has no hosts of its own. */
const delegateRoutes = (view: View, name: string): readonly HTTPRoute[] => {
  const [delegate] = filed(view, 'virtual-services', ['key', name]).filter(({ spec }) => !spec.hosts?.length);
  return delegate?.spec.http ?? [];
};

/** Delegations that pilot leaves out, since all of them together have too many routes. */
export const tooManyDelegations: Check = {
  name: 'too-many-delegations',
  collection: 'virtual-services',
  query: defineQuery('too-many-delegations', (view: View, key: ObjectKey): readonly Problem[] => {
    const routes = view.get('virtual-services', key)?.spec.http ?? [];
    const delegations = new Delegations();
    const known = new Map<string, readonly HTTPRoute[]>();
    const leftOut: number[] = [];
    for (const [place, route] of routes.entries()) {
      if (!route.delegate) continue;
      const name = `${route.delegate.namespace || key.namespace}/${route.delegate.name ?? ''}`;
      const found = known.get(name) ?? delegateRoutes(view, name);
      known.set(name, found);
      if (!delegations.take(route, found)) leftOut.push(place);
    }
    const [first] = leftOut;
    if (first === undefined) return [];
    const values = { count: leftOut.length, ...delegationLimits };
    return [buildProblem('TooManyDelegations', values, `spec.http[${first}].delegate`)];
  }),
};
