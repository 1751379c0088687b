import { Server, type ServerCredentials, type ServerOptions } from '@grpc/grpc-js';
import { bind, closeServer } from './bind.ts';
import { printableStatus } from './printable-status.ts';

/** Something that a gRPC server serves; several may share a port. */
export interface GrpcService { addTo(server: Server): void }
export interface Listening {
  /** The ports in use, in the order of the addresses. */
  readonly ports: readonly number[];
  /** Lets running calls end for a moment, then ends them. */
  close(): Promise<void>;
}
export interface ListenAddress { readonly address: string; readonly credentials: ServerCredentials }

const limits: ServerOptions = { 'grpc.max_receive_message_length': 4 << 20, 'grpc.keepalive_time_ms': 30_000, 'grpc.keepalive_timeout_ms': 10_000 };

/** Serves all of `services` on each of the addresses (port 0: any), within the limits of `options`. Rejects with the `code` of an occupied address; then none is served. */
export async function listen(services: readonly GrpcService[], addresses: readonly ListenAddress[], options: ServerOptions = {}): Promise<Listening> {
  const server = new Server({ ...limits, ...options, interceptors: [printableStatus, ...(options.interceptors ?? [])] });
  for (const service of services) service.addTo(server);
  const ports: number[] = [];
  try {
    for (const { address, credentials } of addresses) ports.push(await bind(server, address, credentials));
  } catch (thrown) {
    server.forceShutdown();
    throw thrown;
  }
  return { ports, close: () => closeServer(server) };
}
