/** Istio's protocols of ports, by the ways of writing them (case doesn't matter). */
const http = new Set(['http', 'http2', 'grpc', 'grpc-web', 'http_proxy']);
const tls = new Set(['https', 'tls']);
const others = new Set(['tcp', 'udp', 'mongo', 'redis', 'mysql', 'hbone', 'double-hbone']);

export interface ProtocolClass {
  readonly known: boolean;
  readonly http: boolean;
  readonly tls: boolean;
  readonly tcp: boolean;
}

/** What kind of traffic a protocol's name means. HTTPS and TLS count as bytes too. */
export function classifyProtocol(name: string): ProtocolClass {
  const key = name.toLowerCase();
  const isHttp = http.has(key);
  const isTls = tls.has(key);
  return {
    known: isHttp || isTls || others.has(key),
    http: isHttp,
    tls: isTls,
    tcp: isTls || ['tcp', 'mongo', 'redis', 'mysql'].includes(key),
  };
}

/** An empty protocol is found out by looking at the traffic. */
export const protocolMistake = (name: string): string | undefined =>
  name === '' || classifyProtocol(name).known ? undefined : `unsupported protocol: ${name}`;
