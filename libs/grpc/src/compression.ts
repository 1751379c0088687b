import type { IncomingHttpHeaders } from 'node:http2';

const header = 'grpc-encoding';

/**
 * Makes grpc-js refuse the compressed messages of a call with UNIMPLEMENTED ("Compression" in gRPC's documentation). It
 * inflates as many at once as there are calls, each up to the size of the largest message: 16 kB become 16 MB a
 * thousand times. Neither Envoy nor Istio's agent compresses what it sends.
 */
export function refuseCompression(headers: IncomingHttpHeaders): void {
  const encoding = headers[header];
  if (encoding !== undefined && encoding !== 'identity') headers[header] = `${String(encoding)}: not accepted here`;
}
