import type { Protocol } from '@flotilla/rules';
import type { Service, ServicePort } from './types.ts';

export const isHttp = (p: Protocol): boolean =>
  p === 'HTTP' || p === 'HTTP2' || p === 'HTTP_PROXY' || p === 'GRPC' || p === 'GRPC-Web';
export const isHttp2 = (p: Protocol): boolean => p === 'HTTP2' || p === 'GRPC' || p === 'GRPC-Web';
export const isTls = (p: Protocol): boolean => p === 'HTTPS' || p === 'TLS';
export const isTcp = (p: Protocol): boolean =>
  p === 'TCP' || p === 'HTTPS' || p === 'TLS' || p === 'Mongo' || p === 'Redis' || p === 'MySQL';
export const isUnsupported = (p: Protocol): boolean => p === 'Unsupported';

/**
 * The port of a service that clients reach by a number: the first that is not UDP, since a UDP port may have the same
 * number (Istio's PortList.GetByPort).
 */
export const portNumbered = ({ ports }: Pick<Service, 'ports'>, number: number): ServicePort | undefined =>
  ports.find(({ port, protocol }) => port === number && protocol !== 'UDP');
