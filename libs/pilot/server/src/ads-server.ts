import { type handleBidiStreamingCall, type ServerDuplexStream, status, type ServiceDefinition } from '@grpc/grpc-js';
import { createRequestReader, ResponseEncoder, type Protocol, type ReadRequest } from '@flotilla/ads';
import { identityIn, type GrpcService } from '@flotilla/grpc';
import { createLimits, type Observability } from '@flotilla/observability-port';
import { systemClock, type Clock } from '@flotilla/std';
import { flagOf, limitKinds, type AdsLimits } from './limits.ts';
import type { OpenSession } from './session.ts';
import { AdsStream, type StreamOptions } from './stream.ts';
import { StreamCounts } from './stream-counts.ts';
import { Turns } from './turns.ts';

export interface AdsServerOptions {
  readonly protocol: Omit<Protocol, 'limits'>;
  readonly open: OpenSession;
  readonly limits: AdsLimits;
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
 * So many new names are looked up before other streams have their turn: a tenth of a second, if there is nothing by any
 * of them.
 */
const namesPerStep = 1000;

type Call = ServerDuplexStream<Buffer, Buffer>;
/**
 * Whom to serve: `identified` only clients that show a certificate that TLS vouches for; `any` also those that show
 * none, as on a plaintext port.
 */
export type Clients = 'identified' | 'any';

/** Aggregated discovery, as services of gRPC servers; all of them share the limits and take turns with each other. */
export function createAdsServer({ protocol, open, limits, observability, clock = systemClock }: AdsServerOptions): {
  service(clients: Clients): GrpcService;
} {
  const log = observability.log.scope('ads');
  const hit = createLimits(observability.metrics, limitKinds);
  const counts = new StreamCounts(limits);
  const shared: Omit<StreamOptions, 'read' | 'log' | 'client'> = {
    protocol: { ...protocol, limits: { namesPerType: limits.xdsNamesPerType, names: limits.xdsNames, namesPerStep } },
    open,
    encoder: new ResponseEncoder(),
    turns: new Turns(),
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

  const serve = (call: Call, clients: Clients, read: ReadRequest): void => {
    const end = (code: status, details: string): void =>
      void call.emit('error', Object.assign(new Error(details), { code, details }));
    const proven = identityIn(call.getAuthContext().sslPeerCertificate?.raw);
    if (proven === undefined && clients === 'identified')
      return end(status.UNAUTHENTICATED, 'a client certificate with a SPIFFE identity is needed here');
    const ofPeer = log.with({ peer: call.getPeer() });
    const client = proven ?? call.getPeer().replace(/:\d+$/, '');
    const exceeded = counts.enter(client);
    if (exceeded) {
      hit(exceeded);
      const details = `too many streams ${exceeded === 'xds_streams' ? 'at this pilot' : `of ${client}`}: close some, or raise pilot's ${flagOf(exceeded)}`;
      ofPeer.warn('stream refused', { error: details });
      return end(status.RESOURCE_EXHAUSTED, details);
    }
    call.once('close', () => counts.leave(client));
    new AdsStream(call, { ...shared, read, client, log: ofPeer, ...(proven ? { identity: proven } : {}) });
  };
  return {
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
