import type { Service, Shape } from '../attack.ts';
import type { Place } from '../clients/sockets.ts';

/** Ports that somebody may reach from outside. */
export const ports = ['xds', 'secure-xds', 'ca', 'webhook', 'nats'] as const;
export type Port = (typeof ports)[number];

const owners: Readonly<Record<Port, Service>> = {
  xds: 'pilot',
  'secure-xds': 'pilot',
  ca: 'citadel',
  webhook: 'sidecar-injector',
  nats: 'nats',
};
const numbers: Readonly<Record<Port, number>> = {
  xds: 15_010,
  'secure-xds': 15_012,
  ca: 15_022,
  webhook: 15_017,
  nats: 4222,
};
export const monitoringPort = 15_014;

/** Where a port is, given the address of each service. In the monolith the CA shares the port of secure xDS. */
export const placeOf = (port: Port, shape: Shape, addressOf: (service: Service) => string): Place => ({
  host: addressOf(owners[port]),
  port: port === 'ca' && shape === 'monolith' ? numbers['secure-xds'] : numbers[port],
});
