import type { Gateway, ObjectKey, Server } from '@flotilla/model';
import { defineQuery } from '@flotilla/query';
import { compareText, hashBytes } from '@flotilla/std';
import type { View } from './view.ts';

/** A port of a Gateway. */
export interface GatewayPort {
  readonly number: number;
  /** Of the port and the workloads that it is on: what Gateways have in common that may conflict. */
  readonly key: string;
  /** By their places in the Gateway. */
  readonly servers: ReadonlyMap<number, Server>;
}

/** The ports of a Gateway. A hash stands for its selector: ports and labels may both be many. */
export function gatewayPorts({ selector = {}, servers = [] }: Gateway): readonly GatewayPort[] {
  const labels = Object.entries(selector).sort(([a], [b]) => compareText(a, b));
  const workloads = hashBytes(JSON.stringify(labels));
  const byNumber = new Map<number, Map<number, Server>>();
  for (const [place, server] of servers.entries()) {
    const number = server.port?.number;
    if (!number) continue;
    const others = byNumber.get(number);
    if (others) others.set(place, server);
    else byNumber.set(number, new Map([[place, server]]));
  }
  return [...byNumber].map(([number, found]) => ({ number, key: `${number} ${workloads}`, servers: found }));
}

const portsByNumber = defineQuery(
  'gateway-ports',
  (view: View, gateway: ObjectKey): ReadonlyMap<number, GatewayPort> => {
    const ports = gatewayPorts(view.get('gateways', gateway)?.spec ?? {});
    return new Map(ports.map((port) => [port.number, port]));
  },
);
/** The ports of a Gateway by their numbers. */
export const portsOfGateway = (view: View, gateway: ObjectKey): ReadonlyMap<number, GatewayPort> =>
  view.query(portsByNumber, gateway);

/** The servers of a Gateway on a port that is given by its key. */
export const serversOn = (view: View, gateway: ObjectKey, key: string): Iterable<readonly [number, Server]> =>
  portsOfGateway(view, gateway).get(Number(key.split(' ', 1)[0]))?.servers ?? [];
