import { ownMember } from '@flotilla/std';

/** Istio's protocol instances (pkg/config/protocol). */
export type Protocol =
  | 'GRPC'
  | 'GRPC-Web'
  | 'HTTP'
  | 'HTTP_PROXY'
  | 'HTTP2'
  | 'HTTPS'
  | 'TCP'
  | 'TLS'
  | 'UDP'
  | 'Mongo'
  | 'Redis'
  | 'MySQL'
  | 'HBONE'
  | 'Unsupported';

/** Istio's protocol.Instance.IsHTTP, IsHTTP2, IsTLS and IsTCP: what kind of traffic a protocol is. */
export const isHttp = (protocol: Protocol): boolean =>
  protocol === 'HTTP' ||
  protocol === 'HTTP2' ||
  protocol === 'HTTP_PROXY' ||
  protocol === 'GRPC' ||
  protocol === 'GRPC-Web';
export const isHttp2 = (protocol: Protocol): boolean =>
  protocol === 'HTTP2' || protocol === 'GRPC' || protocol === 'GRPC-Web';
export const isTls = (protocol: Protocol): boolean => protocol === 'HTTPS' || protocol === 'TLS';
export const isTcp = (protocol: Protocol): boolean =>
  protocol === 'TCP' ||
  protocol === 'HTTPS' ||
  protocol === 'TLS' ||
  protocol === 'Mongo' ||
  protocol === 'Redis' ||
  protocol === 'MySQL';
export const isUnsupported = (protocol: Protocol): boolean => protocol === 'Unsupported';

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
