import type { Http2Server, ServerHttp2Session } from 'node:http2';
import { Server, ServerCredentials, type ServerOptions } from '@grpc/grpc-js';
import {
  createListener,
  Deadlines,
  defaultLimits,
  followStreams,
  type GuardOptions,
  type ListenAt,
  type ServerTls,
} from '@flotilla/server';
import { systemClock } from '@flotilla/std';
import { refuseCompression } from './compression.ts';
import { drain } from './drain.ts';
import { printableStatus } from './printable-status.ts';
import { releaseMessages } from './release-messages.ts';
import { requestDeadline } from './request-deadline.ts';
import { Unfinished } from './unfinished.ts';

/** Something that a gRPC server serves; several may share a port. */
export interface GrpcService {
  addTo(server: Server): void;
}
export interface Listening {
  /** The port in use; 0 for a path. */
  readonly port: number;
  /** Lets running calls end for so long (2 s), then ends them. */
  close(withinMs?: number): Promise<void>;
}

/** Times are in milliseconds. */
export interface GrpcLimits {
  /** Bytes of a message from a client. */
  readonly maxMessageBytes: number;
  /** Bytes of the messages of all clients together that are not complete; one more resets the call longest at it. */
  readonly maxUnfinishedBytes: number;
  /** Calls at once on a connection; clients hold others back. */
  readonly maxConcurrentStreams: number;
  /** Connections that have been silent for this long are sent a keepalive. */
  readonly keepaliveInterval: number;
  /** For the answer to that. */
  readonly keepaliveTimeout: number;
  /** Connections are closed after this time, varied by a tenth, so that clients connect again. */
  readonly maxConnectionAge: number;
}
const defaultGrpcLimits: GrpcLimits = {
  maxMessageBytes: 4 << 20,
  maxUnfinishedBytes: 128 << 20,
  maxConcurrentStreams: 100,
  keepaliveInterval: 30_000,
  keepaliveTimeout: 10_000,
  maxConnectionAge: Infinity,
};

export interface ListenOptions extends GuardOptions {
  readonly at: ListenAt;
  /** Without it the port is plaintext. */
  readonly tls?: ServerTls;
  readonly grpc?: Partial<GrpcLimits>;
}

const closeWithinMs = 2000;

/** Serves all of `services` on one port (0: any). Rejects with the `code` of an address that can't be had. */
export async function listen(
  services: readonly GrpcService[],
  { grpc, ...options }: ListenOptions,
): Promise<Listening> {
  const { onLimit, clock = systemClock } = options;
  const limits = { ...defaultLimits, ...options.limits };
  const grpcLimits = { ...defaultGrpcLimits, ...grpc };
  const deadlines = new Deadlines();
  const unfinished = new Unfinished({
    maxTotal: grpcLimits.maxUnfinishedBytes,
    requestTimeout: limits.requestTimeout,
    deadlines,
    onLimit: (kind) => onLimit?.(kind),
  });
  releaseMessages();
  const server = new Server({
    ...serverOptions(grpcLimits),
    'grpc.max_connection_idle_ms': limits.idleTimeout,
    interceptors: [
      printableStatus,
      requestDeadline({ deadlines, requestTimeout: limits.requestTimeout, onTimeout: () => onLimit?.('body_timeout') }),
    ],
  });
  for (const service of services) service.addTo(server);
  // The listener has done the handshake already.
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  /** Those of clients that have made a call. */
  const sessions = new Set<ServerHttp2Session>();
  const follow = (session: ServerHttp2Session | undefined): void => {
    if (!session || sessions.has(session)) return;
    sessions.add(session);
    session.once('close', () => void sessions.delete(session));
  };
  countCuts(server, () => onLimit?.('http2_protocol'));
  const listener = await createListener({
    ...options,
    framing: 'multiplexed',
    // grpc-js asks idle clients to leave; the listener closes those that do not.
    limits: { ...limits, idleTimeout: limits.idleTimeout + closeWithinMs },
    onTick: (elapsedMs) => deadlines.advance(elapsedMs),
    serve(socket, connection) {
      followStreams(socket, connection, {
        deadlines,
        requestTimeout: limits.requestTimeout,
        onOpen(stream, headers) {
          refuseCompression(headers);
          unfinished.follow(stream);
          follow(stream.session as ServerHttp2Session | undefined);
        },
      });
      injector.injectConnection(socket);
    },
  });
  const removeDrain = options.drains?.add((ms) => drain(sessions, { ms, clock }));
  return {
    port: listener.port,
    async close(withinMs = closeWithinMs) {
      removeDrain?.();
      const closed = listener.close(withinMs);
      const cancel = clock.after(withinMs, () => server.forceShutdown());
      await new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
      await closed;
      cancel();
    },
  };
}

/**
 * Calls `onCut` for each connection that Node's HTTP/2 ends itself, such as one with a flood of frames that only ask
 * for answers. grpc-js keeps its HTTP/2 servers to itself, and Node tells nobody else.
 */
function countCuts(server: Server, onCut: () => void): void {
  const { http2Servers } = server as unknown as { readonly http2Servers: ReadonlyMap<Http2Server, unknown> };
  for (const http2Server of http2Servers.keys())
    http2Server.on('sessionError', ({ code = '' }: NodeJS.ErrnoException) => {
      if (code.startsWith('ERR_HTTP2_')) onCut();
    });
}

const serverOptions = ({
  maxMessageBytes,
  maxConcurrentStreams,
  keepaliveInterval,
  keepaliveTimeout,
  maxConnectionAge,
}: GrpcLimits): ServerOptions => ({
  'grpc.max_receive_message_length': maxMessageBytes,
  'grpc.max_concurrent_streams': maxConcurrentStreams,
  'grpc.keepalive_time_ms': keepaliveInterval,
  'grpc.keepalive_timeout_ms': keepaliveTimeout,
  ...(maxConnectionAge === Infinity ? {} : { 'grpc.max_connection_age_ms': maxConnectionAge }),
  'grpc.enable_channelz': 0,
});
