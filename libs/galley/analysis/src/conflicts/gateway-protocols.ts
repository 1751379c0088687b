import { buildProblem, type ObjectKey, type Problem, type Server } from '@flotilla/model';
import { defineKey, defineQuery, type KeyOf } from '@flotilla/query';
import { compareAge, isHttp, parseProtocol, type Labels } from '@flotilla/rules';
import type { Check } from '../check.ts';
import { portsOfGateway, serversOn, type GatewayPort } from '../gateway-ports.ts';
import type { View } from '../view.ts';
import { shareWorkload } from '../workloads.ts';
import { inOrder } from './names.ts';

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

/** For a port by its key (`GatewayPort`): the first server at each address. The oldest Gateway comes first. */
const openers = defineQuery('gateway-openers', (view: View, key: string): ReadonlyMap<string, Opener> => {
  const found = new Map<string, Opener>();
  const gateways = view.index('gateways', 'port', key).flatMap((gateway) => {
    const meta = view.get('gateways', gateway)?.meta;
    return meta ? [{ gateway, meta }] : [];
  });
  for (const { gateway, meta } of gateways.sort((a, b) => compareAge(a.meta, b.meta)))
    for (const [index, server] of serversOn(view, gateway, key)) {
      const bind = server.bind ?? '';
      if (found.has(bind)) continue;
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

/** For the number of a port: the keys of ports with different selectors, and for each a Gateway that has it. */
const selectorsOnPort = defineQuery(
  'gateway-selectors',
  (view: View, number: string): ReadonlyMap<string, ObjectKey> => {
    const found = new Map<string, ObjectKey>();
    for (const gateway of view.index('gateways', 'portNumber', number)) {
      const key = portsOfGateway(view, gateway).get(Number(number))?.key;
      if (key !== undefined && !found.has(key)) found.set(key, gateway);
    }
    return found;
  },
);

const pairKey = defineKey<{ readonly first: ObjectKey; readonly second: ObjectKey }>()('first', 'second');
/** Whether some workload is selected by two Gateways. */
const overlap = defineQuery('gateways-overlap', (view: View, { first, second }: KeyOf<typeof pairKey>): boolean => {
  const selectorOf = (gateway: ObjectKey): Labels => view.get('gateways', gateway)?.spec.selector ?? {};
  return shareWorkload(view, selectorOf(first), selectorOf(second));
});

/** Who has a port by its key, at each address, on workloads that a Gateway selects. */
function openersFor(
  view: View,
  gateway: ObjectKey,
  { number, key }: GatewayPort,
): readonly ReadonlyMap<string, Opener>[] {
  const selectors = view.query(selectorsOnPort, String(number));
  const others =
    selectors.size > maxSelectors
      ? []
      : [...selectors].filter(
          ([other, second]) => other !== key && view.query(overlap, pairKey({ first: gateway, second })),
        );
  return [key, ...others.map(([other]) => other)].map((one) => view.query(openers, one));
}

/**
 * Servers for the same workloads, port and address that cannot share it: the one of the older Gateway is in force, the
 * others do not work (Istio's mergeGateways, which only logs that; its analysis compares hosts alone).
 */
export const gatewayProtocolConflicts: Check = {
  name: 'gateway-protocol-conflicts',
  collection: 'gateways',
  query: defineQuery('gateway-protocol-conflicts', (view: View, key: ObjectKey): readonly Problem[] => {
    const own = `${key.namespace}/${key.name}`;
    const found = new Map<number, Problem>();
    for (const gatewayPort of portsOfGateway(view, key).values()) {
      const holders = openersFor(view, key, gatewayPort);
      for (const [index, server] of gatewayPort.servers) {
        const [opener] = holders
          .flatMap((holder) => holder.get(server.bind ?? '') ?? [])
          .sort((a, b) => compareAge(a.age, b.age));
        const traffic = trafficOf(server);
        const isItself = opener?.gateway === own && opener.index === index;
        if (!opener || isItself || (opener.traffic === traffic && traffic !== 'bytes')) continue;
        const { protocol, gateway } = opener;
        const values = { gateway, protocol, port: gatewayPort.number };
        found.set(index, buildProblem('ConflictingGatewayProtocols', values, `spec.servers[${index}].port`));
      }
    }
    return inOrder(found);
  }),
};
