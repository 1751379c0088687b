import { buildProblem, type Problem, type Resource, type ObjectKey } from '@flotilla/model';
import { defineQuery } from '@flotilla/query';
import type { Check } from '../check.ts';
import { portsOfGateway, serversOn } from '../gateway-ports.ts';
import type { View } from '../view.ts';
import { labelText } from '../workloads.ts';
import { inOrder, listNames, maxKnown } from './names.ts';

type Server = NonNullable<Resource<'gateways'>['spec']['servers']>[number];
/** What at most one Gateway may have: a host at an address, whichever namespaces' routes it takes. */
const placesOf = ({ bind = '', hosts = [] }: Server): readonly string[] =>
  hosts.map((host) => `${bind} ${host.slice(host.indexOf('/') + 1)}`);

/** For a port by its key (`GatewayPort`): the Gateways with each host at each address, where these are several. */
const sharedPlaces = defineQuery('gateway-hosts', (view: View, key: string): ReadonlyMap<string, readonly string[]> => {
  const byPlace = new Map<string, Set<string>>();
  for (const gateway of view.index('gateways', 'port', key))
    for (const [, server] of serversOn(view, gateway, key))
      for (const place of placesOf(server))
        byPlace.set(place, (byPlace.get(place) ?? new Set()).add(`${gateway.namespace}/${gateway.name}`));
  return new Map(
    [...byPlace].filter(([, names]) => names.size > 1).map(([place, names]) => [place, [...names].slice(0, maxKnown)]),
  );
});

/**
 * Gateways for the same workloads that have a host in common on the same port and address: the later one has no effect
 * there (Istio's gateway.ConflictingGatewayAnalyzer).
 */
export const gatewayConflicts: Check = {
  name: 'gateway-conflicts',
  collection: 'gateways',
  query: defineQuery('gateway-conflicts', (view: View, key: ObjectKey): readonly Problem[] => {
    const gateway = view.get('gateways', key);
    if (!gateway) return [];
    const selector = labelText(gateway.spec.selector ?? {});
    const found = new Map<number, Problem>();
    for (const { key: port, number, servers } of portsOfGateway(view, key).values()) {
      const shared = view.query(sharedPlaces, port);
      if (shared.size === 0) continue;
      for (const [place, server] of servers) {
        const others = new Set(placesOf(server).flatMap((host) => shared.get(host) ?? []));
        others.delete(`${key.namespace}/${key.name}`);
        if (others.size === 0) continue;
        const gateways = listNames([...others].sort());
        const values = { gateways, selector, port: number, hosts: listNames(server.hosts ?? []) };
        found.set(place, buildProblem('ConflictingGateways', values, `spec.servers[${place}]`));
      }
    }
    return inOrder(found);
  }),
};
