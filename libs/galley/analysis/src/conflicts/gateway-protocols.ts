import { buildProblem, type Gateway, type ObjectKey, type Problem, type Server } from '@flotilla/model';
import { defineQuery } from '@flotilla/query';
import { compareAge, isHttp, parseProtocol, type Labels } from '@flotilla/rules';
import type { Check } from '../check.ts';
import { gatewayPorts } from '../store.ts';
import { filed, type View } from '../view.ts';
import { shareWorkload } from '../workloads.ts';

/** What decides who can share a port: servers of plain HTTP and of TLS are told apart by hosts, others by nothing. */
type Traffic = 'http' | 'tls' | 'bytes';
const trafficOf = ({ port, tls }: Server): Traffic =>
  isHttp(parseProtocol(port?.protocol ?? '')) ? 'http' : tls ? 'tls' : 'bytes';

/** The first server at an address of a port. */
interface Opener {
  /** `namespace/name` of its Gateway. */
  readonly gateway: string;
  readonly index: number;
  readonly traffic: Traffic;
  /** As the Gateway has it. */
  readonly protocol: string;
  readonly age: { readonly name: string; readonly namespace: string; readonly creationTimestamp?: string };
}

/** For workloads and a port (`gatewayPorts`): the first server at each address. The oldest Gateway comes first. */
const openers = defineQuery('gateway-openers', (view: View, key: string): ReadonlyMap<string, Opener> => {
  const found = new Map<string, Opener>();
  const gateways = [...filed(view, 'gateways', ['port', key])].sort((a, b) => compareAge(a.meta, b.meta));
  for (const { spec, meta } of gateways)
    for (const [index, server] of (spec.servers ?? []).entries()) {
      const bind = server.bind ?? '';
      if (found.has(bind) || !gatewayPorts({ ...spec, servers: [server] }).includes(key)) continue;
      const { name, namespace, creationTimestamp } = meta;
      found.set(bind, {
        gateway: `${namespace}/${name}`,
        index,
        traffic: trafficOf(server),
        protocol: server.port?.protocol ?? '',
        age: { name, namespace, ...(creationTimestamp === undefined ? {} : { creationTimestamp }) },
      });
    }
  return found;
});

/** So many different selectors of a port are compared with each other; where there are more, only equal ones are. */
const maxSelectors = 20;

/** The different selectors of Gateways with this port, by their keys (`gatewayPorts`). */
const selectorsOnPort = defineQuery('gateway-selectors', (view: View, port: string): ReadonlyMap<string, Labels> => {
  const found = new Map<string, Labels>();
  for (const { spec } of filed(view, 'gateways', ['portNumber', port]))
    for (const key of gatewayPorts(spec)) if (key.startsWith(`${port} `)) found.set(key, spec.selector ?? {});
  return found;
});

/** Who has the port and the address of a server on workloads that its Gateway selects. */
function openerFor(view: View, { selector = {} }: Gateway, server: Server): Opener | undefined {
  const [key] = gatewayPorts({ selector, servers: [server] });
  if (key === undefined) return undefined;
  const selectors = view.query(selectorsOnPort, String(server.port?.number));
  const overlapping =
    selectors.size > maxSelectors
      ? [key]
      : [...selectors]
          .filter(([other, labels]) => other === key || shareWorkload(view, selector, labels))
          .map(([other]) => other);
  return overlapping
    .flatMap((other) => view.query(openers, other).get(server.bind ?? '') ?? [])
    .sort((a, b) => compareAge(a.age, b.age))[0];
}

/**
 * Servers for the same workloads, port and address that cannot share it: the one of the older Gateway is in force, the
 * others do not work (Istio's mergeGateways, which only logs that; its analysis compares hosts alone).
 */
export const gatewayProtocolConflicts: Check = {
  name: 'gateway-protocol-conflicts',
  collection: 'gateways',
  query: defineQuery('gateway-protocol-conflicts', (view: View, key: ObjectKey): readonly Problem[] => {
    const gateway = view.get('gateways', key);
    if (!gateway) return [];
    const { spec, meta } = gateway;
    return (spec.servers ?? []).flatMap((server, index): Problem[] => {
      const opener = openerFor(view, spec, server);
      if (!opener) return [];
      const isItself = opener.gateway === `${meta.namespace}/${meta.name}` && opener.index === index;
      const traffic = trafficOf(server);
      if (isItself || (opener.traffic === traffic && traffic !== 'bytes')) return [];
      const { protocol, gateway: other } = opener;
      const values = { gateway: other, protocol, port: server.port?.number ?? 0 };
      return [buildProblem('ConflictingGatewayProtocols', values, `spec.servers[${index}].port`)];
    });
  }),
};
