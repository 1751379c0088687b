import { buildProblem, type Problem, type Resource, type ObjectKey } from '@flotilla/model';
import { defineQuery } from '@flotilla/query';
import type { Check } from '../check.ts';
import { hostOf, isForMesh } from '../store.ts';
import { filed, type View } from '../view.ts';
import { listNames } from './names.ts';

type Route = Resource<'virtual-services'>;
const everywhere = '*';

/** The namespaces that see it; `*` for all. */
const scopesOf = ({ spec, meta }: Route): readonly string[] =>
  !spec.exportTo?.length || spec.exportTo.includes(everywhere)
    ? [everywhere]
    : spec.exportTo.map((namespace) => (namespace === '.' ? meta.namespace : namespace));

/** One that all namespaces see may conflict in each of them; so many of these are named. */
const maxScopes = 10;

/** The VirtualServices for sidecars that have a host, by the namespaces that see them, where several do. */
const conflictsAt = defineQuery('mesh-host', (view: View, host: string): ReadonlyMap<string, string> => {
  const byScope = new Map<string, string[]>();
  for (const route of filed(view, 'virtual-services', ['meshHost', host]))
    for (const scope of scopesOf(route)) {
      const names = byScope.get(scope) ?? [];
      names.push(`${route.meta.namespace}/${route.meta.name}`);
      byScope.set(scope, names);
    }
  const all = byScope.get(everywhere) ?? [];
  return new Map(
    [...byScope].flatMap(([scope, names]) => {
      const seen = scope === everywhere ? names : [...names, ...all];
      return seen.length < 2 ? [] : [[scope, listNames(seen.sort())] as const];
    }),
  );
});

/**
 * VirtualServices for sidecars that have the same host where the same namespaces see them: the older one is in force
 * (Istio's virtualservice.ConflictingMeshGatewayHostsAnalyzer).
 */
export const meshHostConflicts: Check = {
  name: 'mesh-host-conflicts',
  collection: 'virtual-services',
  query: defineQuery('mesh-host-conflicts', (view: View, key: ObjectKey): readonly Problem[] => {
    const route = view.get('virtual-services', key);
    if (!route || !isForMesh(route.spec)) return [];
    const scopes = scopesOf(route);
    return (route.spec.hosts ?? []).flatMap((given, i) => {
      const host = hostOf(view, given, route.meta.namespace);
      const conflicts = view.query(conflictsAt, host);
      const here = scopes.includes(everywhere) ? [...conflicts.keys()].slice(0, maxScopes) : scopes;
      return here.flatMap((scope): Problem[] => {
        const virtualServices = conflicts.get(scope);
        if (virtualServices === undefined) return [];
        const values = { virtualServices, host: `${scope}/${host}` };
        return [buildProblem('ConflictingMeshGatewayVirtualServiceHosts', values, `spec.hosts[${i}]`)];
      });
    });
  }),
};
