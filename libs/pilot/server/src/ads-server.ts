import { type handleBidiStreamingCall, type ServerDuplexStream, status, type ServiceDefinition } from '@grpc/grpc-js';
import { createRequestReader, ResponseEncoder, type Protocol, type ReadRequest } from '@flotilla/ads';
import { addressOf, bearerIn, identityIn, type GrpcService } from '@flotilla/grpc';
import type { IdentifyToken } from '@flotilla/model';
import { createLimits, type Observability } from '@flotilla/observability-port';
import { systemClock, type Clock } from '@flotilla/std';
import { LargeRequests } from './large-requests.ts';
import { flagOf, limitKinds, type AdsLimits } from './limits.ts';
import type { OpenSession } from './session.ts';
import { AdsStream, type StreamOptions } from './stream.ts';
import { StreamCounts } from './stream-counts.ts';
import { createTokenIdentities, type PilotVerdict, type TokenIdentities } from './tokens/token-identities.ts';
import { Turns } from './turns.ts';

export interface AdsServerOptions {
  readonly protocol: Omit<Protocol, 'limits'>;
  readonly open: OpenSession;
  readonly limits: AdsLimits;
  /** Checks bearer tokens of clients without a certificate; without it, none are accepted. */
  readonly identify?: IdentifyToken | undefined;
  readonly observability: Observability;
  readonly clock?: Clock;
}

const identity = (bytes: Buffer): Buffer => bytes;
const method = (name: string) => ({
  path: `/envoy.service.discovery.v3.AggregatedDiscoveryService/${name}`,
  requestStream: true,
  responseStream: true,
  requestSerialize: identity,
  requestDeserialize: identity,
  responseSerialize: identity,
  responseDeserialize: identity,
});
/** Aggregated discovery; messages are bytes, which the streams read and write themselves. */
const aggregatedDiscovery = {
  StreamAggregatedResources: method('StreamAggregatedResources'),
  DeltaAggregatedResources: method('DeltaAggregatedResources'),
} satisfies ServiceDefinition;

/**
 * How many new names are looked up before other streams get their turn: a tenth of a second, if none of the names
 * exists.
 */
const namesPerStep = 1000;

type Call = ServerDuplexStream<Buffer, Buffer>;
/**
 * Which clients to serve: `identified` only those with a certificate that TLS has verified, or with a bearer token that
 * citadel accepts (Istio's DiscoveryServer.authenticate); `any` also those with neither, as on a plaintext port.
 */
export type Clients = 'identified' | 'any';

/** The gRPC status for each reason not to accept a token. */
const statusOf = (verdict: Exclude<PilotVerdict, { readonly kind: 'accepted' }>): status =>
  ({ refused: status.UNAUTHENTICATED, undecided: status.UNAVAILABLE, busy: status.RESOURCE_EXHAUSTED })[verdict.kind];
const refuseTokens: IdentifyToken = () =>
  Promise.resolve({ kind: 'refused', reason: 'bearer tokens are not accepted here', reuseMs: 0 });

/** Aggregated discovery, as services of gRPC servers; all of them share the limits and take turns with each other. */
export function createAdsServer({
  protocol,
  open,
  limits,
  identify = refuseTokens,
  observability,
  clock = systemClock,
}: AdsServerOptions): {
  service(clients: Clients): GrpcService;
  /** Whom bearer tokens belong to, within the limits that hold for clients of discovery. */
  readonly identityOf: TokenIdentities;
} {
  const log = observability.log.scope('ads');
  const hit = createLimits(observability.metrics, limitKinds);
  const identityOf = createTokenIdentities({ identify, limits, clock, hit });
  const counts = new StreamCounts(limits);
  const turns = new Turns();
  const shared: Omit<StreamOptions, 'read' | 'log' | 'client'> = {
    protocol: { ...protocol, limits: { namesPerType: limits.xdsNamesPerType, names: limits.xdsNames, namesPerStep } },
    open,
    encoder: new ResponseEncoder(),
    turns,
    large: new LargeRequests((stream) => turns.add(stream)),
    counts,
    limits,
    hit,
    clock,
  };
  const requestLimits = {
    requestBytes: limits.xdsRequestBytes,
    nodeBytes: limits.xdsNodeBytes,
    nameBytes: limits.xdsNameBytes,
    names: limits.xdsNamesPerType,
  };

  const refuse = (call: Call, code: status, details: string): void => {
    log.with({ peer: call.getPeer() }).warn('stream refused', { error: details });
    call.emit('error', Object.assign(new Error(details), { code, details }));
  };

  const admit = (call: Call, read: ReadRequest, proven?: string): void => {
    const client = proven ?? addressOf(call);
    const exceeded = counts.enter(client);
    if (exceeded) {
      hit(exceeded);
      const details = `too many streams ${exceeded === 'xds_streams' ? 'at this pilot' : `of ${client}`}: close some, or raise pilot's ${flagOf(exceeded)}`;
      return refuse(call, status.RESOURCE_EXHAUSTED, details);
    }
    call.once('close', () => counts.leave(client));
    const ofPeer = log.with({ peer: call.getPeer() });
    new AdsStream(call, { ...shared, read, client, log: ofPeer, ...(proven ? { identity: proven } : {}) });
  };

  /** Nothing is read from the client before it is identified. */
  const admitByToken = async (call: Call, read: ReadRequest, token: string): Promise<void> => {
    const verdict = await identityOf(token, addressOf(call));
    if (call.cancelled || call.destroyed) return;
    if (verdict.kind === 'accepted') admit(call, read, verdict.identity);
    else refuse(call, statusOf(verdict), `bearer token: ${verdict.reason}`);
  };

  const serve = (call: Call, clients: Clients, read: ReadRequest): void => {
    const proven = identityIn(call.getAuthContext().sslPeerCertificate?.raw);
    const bearer = bearerIn(call.metadata);
    // The token is removed because a call keeps its metadata until it ends.
    call.metadata.remove('authorization');
    if (proven !== undefined || clients === 'any') admit(call, read, proven);
    else if (bearer !== undefined) void admitByToken(call, read, bearer);
    else
      refuse(
        call,
        status.UNAUTHENTICATED,
        'a client certificate of this mesh, with a SPIFFE identity, or a bearer token is needed here',
      );
  };
  return {
    identityOf,
    service: (clients) => ({
      addTo: (server) => {
        const serving = (variant: 'sotw' | 'delta') => {
          const read = createRequestReader(variant, requestLimits);
          return (call: Call) => serve(call, clients, read);
        };
        const handlers = { StreamAggregatedResources: serving('sotw'), DeltaAggregatedResources: serving('delta') };
        server.addService(
          aggregatedDiscovery,
          handlers as unknown as Record<string, handleBidiStreamingCall<unknown, unknown>>,
        );
      },
    }),
  };
}
