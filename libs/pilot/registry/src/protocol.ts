import type { Service, ServicePort } from './types.ts';

/**
 * The port of a service that clients reach by a number: the first that is not UDP, since a UDP port may have the same
 * number (Istio's PortList.GetByPort).
 */
export const portNumbered = ({ ports }: Pick<Service, 'ports'>, number: number): ServicePort | undefined =>
  ports.find(({ port, protocol }) => port === number && protocol !== 'UDP');
