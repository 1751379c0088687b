import { type handleBidiStreamingCall, type ServerDuplexStream, status, type ServiceDefinition } from '@grpc/grpc-js';
import { identityIn, type GrpcService } from '@flotilla/grpc';
import { initialState, ResponseEncoder, step, type Effect, type Event, type Protocol, type Source, type State } from '@flotilla/ads';
import type { Observability } from '@flotilla/observability-port';
import { envoy } from '@flotilla/proto-gen/discovery';
import { messageOf } from '@flotilla/std';
import { createRequestDecoder } from './request-names.ts';

type DiscoveryRequest = envoy.service.discovery.v3.DiscoveryRequest;
type DeltaDiscoveryRequest = envoy.service.discovery.v3.DeltaDiscoveryRequest;
export type Node = envoy.config.core.v3.INode;

/** What the service knows of one proxy; made when its stream opens, closed with it. */
export interface Session {
  readonly source: Source;
  /** Called after every step with the subscriptions, so that what they read can be watched. */
  onState(state: State): void;
  onEffect(effect: Effect): void;
  /** All that \`push\` told until now is sent. */
  onPushed(): void;
  close(): void;
}
/** A proxy that may not have what it asks for: ends its stream with PERMISSION_DENIED. */
export class PermissionDenied extends Error {}
/** `push` asks for a push of what may have changed; `identity` is what the client's certificate proves. */
export interface Opening { readonly node: Node; readonly identity?: string; readonly push: Push }
/** Opens a session for a node; an error's message ends the stream, with INVALID_ARGUMENT where it is no other. */
export type OpenSession = (opening: Opening) => Session;
/** What may have changed for the session: by type, its names, or all. While the client reads slowly it is sent later, with what comes until then. */
export type Push = (types: ReadonlyMap<string, ReadonlySet<string> | 'all'>) => void;

export interface AdsServerOptions {
  readonly protocol: Protocol;
  readonly open: OpenSession;
  readonly observability: Observability;
  /** Whom to serve: `identified` only who shows a certificate that TLS vouches for; `any` also who shows none, as on a plaintext port. */
  readonly clients: 'identified' | 'any';
}

type ServeOptions = AdsServerOptions & { readonly encoder: ResponseEncoder };

const identity = (bytes: Buffer): Buffer => bytes;
const method = (name: string) => ({ path: `/envoy.service.discovery.v3.AggregatedDiscoveryService/${name}`, requestStream: true, responseStream: true, responseSerialize: identity, responseDeserialize: identity });
const { DiscoveryRequest: Sotw, DeltaDiscoveryRequest: Delta } = envoy.service.discovery.v3;

/** Aggregated discovery; responses are written as ready bytes. */
const aggregatedDiscovery = () => ({
  StreamAggregatedResources: { ...method('StreamAggregatedResources'), requestSerialize: (request: DiscoveryRequest) => Buffer.from(Sotw.encode(request).finish()), requestDeserialize: createRequestDecoder() },
  DeltaAggregatedResources: { ...method('DeltaAggregatedResources'), requestSerialize: (request: DeltaDiscoveryRequest) => Buffer.from(Delta.encode(request).finish()), requestDeserialize: (bytes: Buffer) => Delta.decode(bytes) },
}) satisfies ServiceDefinition;

const sotwEvent = ({ typeUrl, resourceNames, responseNonce, errorDetail }: DiscoveryRequest): Event =>
  ({ kind: 'sotw', typeUrl, names: resourceNames, nonce: responseNonce, ...(errorDetail ? { error: errorDetail.message ?? '' } : {}) });
const deltaEvent = (request: DeltaDiscoveryRequest): Event => ({
  kind: 'delta', typeUrl: request.typeUrl, subscribe: request.resourceNamesSubscribe, unsubscribe: request.resourceNamesUnsubscribe, nonce: request.responseNonce,
  initialVersions: request.initialResourceVersions, ...(request.errorDetail ? { error: request.errorDetail.message ?? '' } : {}),
});

/** Serves one stream: requests and pushes go through the state machine one after the other; a client that reads slowly gets one merged push when it has caught up. */
function serve<R extends DiscoveryRequest | DeltaDiscoveryRequest>(call: ServerDuplexStream<R, Buffer>, options: ServeOptions, eventOf: (request: R) => Event): void {
  const log = options.observability.log.scope('ads');
  let state: State = initialState;
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
    const [next, effects] = step(state, event, { source: session.source, protocol: options.protocol });
    state = next;
    session.onState(state);
    for (const effect of effects) {
      session.onEffect(effect);
      if (effect.kind === 'refuse') return end(status.RESOURCE_EXHAUSTED, effect.message);
      if (effect.kind === 'send') write(options.encoder.encode(effect, state.variant ?? 'sotw'));
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
      pending.set(typeUrl, names === 'all' || known === 'all' ? 'all' : new Set([...(known ?? []), ...names]));
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

  call.on('data', (request: R) => {
    try {
      session ??= options.open({ node: request.node ?? {}, push, ...(identity ? { identity } : {}) });
      run(eventOf(request));
    } catch (error) {
      log.warn('stream refused', { error: messageOf(error), peer: call.getPeer() });
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
    const options = { ...given, encoder: new ResponseEncoder() };
    const handlers = {
      StreamAggregatedResources: (call: ServerDuplexStream<DiscoveryRequest, Buffer>) => serve(call, options, sotwEvent),
      DeltaAggregatedResources: (call: ServerDuplexStream<DeltaDiscoveryRequest, Buffer>) => serve(call, options, deltaEvent),
    };
    server.addService(aggregatedDiscovery(), handlers as unknown as Record<string, handleBidiStreamingCall<unknown, unknown>>);
  },
});
