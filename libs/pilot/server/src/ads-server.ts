import { type handleBidiStreamingCall, type ServerDuplexStream, status, type ServiceDefinition } from '@grpc/grpc-js';
import { identityIn, type GrpcService } from '@flotilla/grpc';
import { createRequestReader, createState, ResponseEncoder, step, type Changes, type Effect, type Event, type Protocol, type ReadRequest, type RequestLimits, type Source } from '@flotilla/ads';
import type { Logger, Observability } from '@flotilla/observability-port';
import { envoy } from '@flotilla/proto-gen/discovery';
import { messageOf } from '@flotilla/std';

export type Node = envoy.config.core.v3.INode;

/** What the service knows of one proxy; made when its stream opens, closed with it. */
export interface Session {
  readonly source: Source;
  /** Called for each effect of a step in its order: for a change of the subscriptions before the responses that it brings. */
  onEffect(effect: Effect): void;
  /** All that \`push\` told until now is sent. */
  onPushed(): void;
  close(): void;
}
/** A proxy that may not have what it asks for: ends its stream with PERMISSION_DENIED. */
export class PermissionDenied extends Error {}
/** `push` asks for a push of what may have changed; `identity` is what the client's certificate proves; lines of `log` name its address. */
export interface Opening { readonly node: Node; readonly identity?: string; readonly push: Push; readonly log: Logger }
/** Opens a session for a node; an error's message ends the stream, with INVALID_ARGUMENT where it is no other. */
export type OpenSession = (opening: Opening) => Session;
/** What may have changed for the session: by type, its names, or all. While the client reads slowly it is sent later, with what comes until then. */
export type Push = (types: Changes) => void;

export interface AdsServerOptions {
  readonly protocol: Protocol;
  readonly open: OpenSession;
  readonly observability: Observability;
  /** Whom to serve: `identified` only who shows a certificate that TLS vouches for; `any` also who shows none, as on a plaintext port. */
  readonly clients: 'identified' | 'any';
}

/** Sizes of requests; a SotW client repeats all its names in each. */
const requestLimits: RequestLimits = { requestBytes: 8 << 20, nameBytes: 1024, nodeBytes: 1 << 20, names: 100_000 };

type ServeOptions = AdsServerOptions & { readonly encoder: ResponseEncoder; readonly read: ReadRequest };

const identity = (bytes: Buffer): Buffer => bytes;
const method = (name: string) => ({
  path: `/envoy.service.discovery.v3.AggregatedDiscoveryService/${name}`, requestStream: true, responseStream: true,
  requestSerialize: identity, requestDeserialize: identity, responseSerialize: identity, responseDeserialize: identity,
});
/** Aggregated discovery; messages are bytes, which the streams read and write themselves. */
const aggregatedDiscovery = { StreamAggregatedResources: method('StreamAggregatedResources'), DeltaAggregatedResources: method('DeltaAggregatedResources') } satisfies ServiceDefinition;

/** Serves one stream: requests and pushes go through the state machine one after the other; a client that reads slowly gets one merged push when it has caught up. */
function serve(call: ServerDuplexStream<Buffer, Buffer>, options: ServeOptions): void {
  const log = options.observability.log.scope('ads').with({ peer: call.getPeer() });
  const state = createState();
  let session: Session | undefined;
  let pending = new Map<string, Set<string> | 'all'>();
  /** Responses that the connection has not taken yet. */
  let unwritten = 0;
  const end = (code: status, details: string): void => {
    call.emit('error', Object.assign(new Error(details), { code, details }));
  };
  const identity = identityIn(call.getAuthContext().sslPeerCertificate?.raw);
  if (identity === undefined && options.clients === 'identified') return end(status.UNAUTHENTICATED, 'a client certificate with a SPIFFE identity is needed here');
  const run = (event: Event): void => {
    if (!session) return;
    for (const effect of step(state, event, { source: session.source, protocol: options.protocol })) {
      session.onEffect(effect);
      if (effect.kind === 'refuse') return end(status.RESOURCE_EXHAUSTED, effect.message);
      if (effect.kind === 'send') write(options.encoder.encode(effect, state.variant));
    }
  };
  const write = (response: Buffer): void => {
    unwritten += 1;
    call.write(response, () => {
      unwritten -= 1;
      push(new Map());
    });
  };
  const push: Push = (types) => {
    for (const [typeUrl, names] of types) {
      const known = pending.get(typeUrl);
      if (names === 'all' || known === 'all') pending.set(typeUrl, 'all');
      else if (!known) pending.set(typeUrl, new Set(names));
      else for (const name of names) known.add(name);
    }
    if (unwritten > 0 || pending.size === 0) return;
    const changed = pending;
    pending = new Map();
    run({ kind: 'changed', types: changed });
    session?.onPushed();
  };
  const close = (): void => {
    session?.close();
    session = undefined;
  };

  call.on('data', (bytes: Buffer) => {
    try {
      const { event, node } = options.read(bytes);
      session ??= options.open({ node: node ? envoy.config.core.v3.Node.decode(node) : {}, push, log, ...(identity ? { identity } : {}) });
      run(event);
    } catch (error) {
      log.warn('stream refused', { error: messageOf(error) });
      end(error instanceof PermissionDenied ? status.PERMISSION_DENIED : status.INVALID_ARGUMENT, messageOf(error));
    }
  });
  call.on('end', () => call.end());
  call.on('error', close);
  call.on('close', close);
  call.on('cancelled', close);
}

/** Aggregated discovery as a service of a gRPC server. */
export const createAdsService = (given: AdsServerOptions): GrpcService => ({
  addTo: (server) => {
    const encoder = new ResponseEncoder();
    const serving = (variant: 'sotw' | 'delta') => {
      const options = { ...given, encoder, read: createRequestReader(variant, requestLimits) };
      return (call: ServerDuplexStream<Buffer, Buffer>) => serve(call, options);
    };
    const handlers = { StreamAggregatedResources: serving('sotw'), DeltaAggregatedResources: serving('delta') };
    server.addService(aggregatedDiscovery, handlers as unknown as Record<string, handleBidiStreamingCall<unknown, unknown>>);
  },
});
