import { connect, type ClientHttp2Session, type ClientHttp2Stream, type OutgoingHttpHeaders } from 'node:http2';
import type { Mesh } from '../mesh/attacked-mesh.ts';
import type { Port } from '../mesh/places.ts';

/**
 * A connection of HTTP/2 to a port, where there is TLS with a workload's certificate unless told otherwise; closed
 * after the row.
 */
export async function openSession(
  mesh: Mesh,
  port: Port,
  { isCertified = true }: { readonly isCertified?: boolean } = {},
): Promise<ClientHttp2Session> {
  const { host, port: number } = mesh.place(port);
  const { key, cert } = isCertified ? await mesh.certificate() : {};
  const session = connect(port === 'xds' ? `http://${host}:${number}` : `https://${host}:${number}`, {
    rejectUnauthorized: false,
    key,
    cert,
    servername: 'localhost',
  });
  mesh.onClose(() => session.destroy());
  session.on('error', () => {});
  return session;
}

/** Begins a call; what comes back is dropped. */
export const startCall = (
  session: ClientHttp2Session,
  path: string,
  headers: OutgoingHttpHeaders = {},
): ClientHttp2Stream =>
  session
    .request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers', ...headers })
    .on('error', () => {})
    .resume();

/** What gRPC has before each message: whether it is compressed, and its length. */
export function lengthOf(size: number, isCompressed = false): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(isCompressed ? 1 : 0);
  head.writeUInt32BE(size, 1);
  return head;
}
export const framed = (message: Uint8Array, isCompressed = false): Buffer =>
  Buffer.concat([lengthOf(message.length, isCompressed), message]);

export const methods = {
  sotw: '/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources',
  delta: '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources',
  certificate: '/istio.v1.auth.IstioCertificateService/CreateCertificate',
} as const;
