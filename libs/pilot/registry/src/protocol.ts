import { ownMember } from '@flotilla/std';
import type { Protocol, Service, ServicePort } from './types.ts';

const byName: Readonly<Record<string, Protocol>> = {
  tcp: 'TCP',
  udp: 'UDP',
  grpc: 'GRPC',
  'grpc-web': 'GRPC-Web',
  http: 'HTTP',
  http_proxy: 'HTTP_PROXY',
  http2: 'HTTP2',
  https: 'HTTPS',
  tls: 'TLS',
  mongo: 'Mongo',
  redis: 'Redis',
  mysql: 'MySQL',
  hbone: 'HBONE',
};

/** Istio's `protocol.Parse`: by name, in any case; `Unsupported` when unknown. */
export const parseProtocol = (name: string): Protocol => ownMember(byName, name.toLowerCase()) ?? 'Unsupported';

/** Ports whose server speaks first: never sniffed (Istio "Protocol Selection", server first protocols). */
const serverFirstPorts = new Set([25, 53, 3306, 27017]);

/** Names of Kubernetes' own that Istio 1.19 knows. */
const appProtocols: Readonly<Record<string, string>> = { 'kubernetes.io/h2c': 'http2' };

/**
 * A Kubernetes Service port's protocol: UDP; else by appProtocol, which suppresses the port's name even when unknown;
 * else by the name. Either is read up to its first dash, `grpc-web` whole. Unknown ports are sniffed, those of server
 * first protocols are TCP (Istio's ConvertProtocol).
 */
export function kubernetesPortProtocol(port: {
  name?: string;
  port: number;
  protocol?: string;
  appProtocol?: string;
}): Protocol {
  if (port.protocol === 'UDP') return 'UDP';
  const name = (
    port.appProtocol === undefined ? (port.name ?? '') : (ownMember(appProtocols, port.appProtocol) ?? port.appProtocol)
  ).toLowerCase();
  const found = name.startsWith('grpc-web') ? 'GRPC-Web' : parseProtocol(name.split('-')[0] ?? '');
  return found === 'Unsupported' && serverFirstPorts.has(port.port) ? 'TCP' : found;
}

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
