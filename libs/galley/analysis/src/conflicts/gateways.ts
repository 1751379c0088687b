import { buildProblem, type Problem, type Resource, type ObjectKey } from '@flotilla/model';
import { defineQuery } from '@flotilla/query';
import type { Check } from '../check.ts';
import { gatewayPorts } from '../store.ts';
import { filed, type View } from '../view.ts';
import { labelText } from '../workloads.ts';
import { listNames, maxKnown } from './names.ts';

type Server = NonNullable<Resource<'gateways'>['spec']['servers']>[number];
/** What at most one Gateway may have: a host at an address, whichever namespaces' routes it takes. */
const placesOf = ({ bind = '', hosts = [] }: Server): readonly string[] =>
  hosts.map((host) => `${bind} ${host.slice(host.indexOf('/') + 1)}`);

/** For workloads and a port (`gatewayPorts`): the Gateways with each host at each address, where these are several. */
const sharedPlaces = defineQuery('gateway-hosts', (view: View, key: string): ReadonlyMap<string, readonly string[]> => {
  const byPlace = new Map<string, Set<string>>();
  for (const { spec, meta } of filed(view, 'gateways', ['port', key]))
    for (const server of spec.servers ?? []) {
      if (!gatewayPorts({ ...spec, servers: [server] }).includes(key)) continue;
      for (const place of placesOf(server))
        byPlace.set(place, (byPlace.get(place) ?? new Set()).add(`${meta.namespace}/${meta.name}`));
    }
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
    const { spec, meta } = gateway;
    const own = `${meta.namespace}/${meta.name}`;
    return (spec.servers ?? []).flatMap((server, i): Problem[] => {
      const [port] = gatewayPorts({ ...spec, servers: [server] });
      const shared = port === undefined ? undefined : view.query(sharedPlaces, port);
      if (!shared) return [];
      const others = new Set(placesOf(server).flatMap((place) => shared.get(place) ?? []));
      others.delete(own);
      if (others.size === 0) return [];
      const values = {
        gateways: listNames([...others].sort()),
        selector: labelText(spec.selector ?? {}),
        port: server.port?.number ?? 0,
        hosts: listNames(server.hosts ?? []),
      };
      return [buildProblem('ConflictingGateways', values, `spec.servers[${i}]`)];
    });
  }),
};
