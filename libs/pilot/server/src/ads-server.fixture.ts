import { connect } from 'node:http2';
import { Client, credentials, type ClientDuplexStream, type ServiceError } from '@grpc/grpc-js';
import { afterEach } from 'vitest';
import type { Effect, Resource } from '@flotilla/ads';
import { listen } from '@flotilla/grpc';
import { noObservability } from '@flotilla/observability-port';
import { envoy } from '@flotilla/proto-gen/discovery';
import { AsyncQueue } from '@flotilla/std';
import { createManualClock } from '@flotilla/testing';
import { smallLimits } from './small-limits.fixture.ts';
import { createAdsServer, PermissionDenied, type AdsLimits, type Push } from './index.ts';

const { DiscoveryRequest, DiscoveryResponse, DeltaDiscoveryRequest } = envoy.service.discovery.v3;
type Fields = Parameters<typeof DiscoveryRequest.encode>[0];
type DeltaFields = Parameters<typeof DeltaDiscoveryRequest.encode>[0];
type Response = InstanceType<typeof DiscoveryResponse>;
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** Discovery of two types whose every name there is, as large as said; what it counts and logs is kept. */
export async function serve({ size = 1, ...changed }: Partial<AdsLimits> & { readonly size?: number } = {}) {
  const clock = createManualClock();
  const hits: string[] = [];
  const logged: string[] = [];
  /** Kinds of effects and of limits hit, in their order. */
  const happened = new AsyncQueue<string>();
  const sessions: { push: Push }[] = [];
  const log = {
    ...noObservability.log,
    warn: (message: string) => void logged.push(message),
    scope: () => log,
    with: () => log,
  };
  const metrics = {
    ...noObservability.metrics,
    counter: () => ({
      add: (value = 1, { kind = '' }: Readonly<Record<string, string>> = {}) =>
        void (value > 0 && (hits.push(kind), happened.push(kind))),
      remove() {},
    }),
  };
  let version = 1;
  const resource = (name: string): Resource => ({ name, version: String(version), bytes: Buffer.alloc(size, name) });
  const ads = createAdsServer({
    protocol: { order: ['eds', 'rds'], whole: new Set(), follows: [] },
    limits: { ...smallLimits, ...changed },
    clock,
    observability: { ...noObservability, log, metrics },
    open: ({ node, push }) => {
      if (node.id === 'nobody') throw new PermissionDenied('not you');
      if (node.id === 'nonsense') throw new Error('not a node');
      const session = {
        push,
        nodeBytes: Number(node.cluster ?? 0),
        unknownNames: node.id === 'guesser' ? 6 : 0,
        watchedUnknownNames: 0,
        countUnknown: (_type: string, names: Iterable<string>) =>
          [...names].filter((name) => name.startsWith('unknown')).length,
        source: { all: () => [], get: (_type: string, name: string) => resource(name) },
        prepare: () => true,
        onEffect: ({ kind }: Effect) => happened.push(kind),
        onPushed() {},
        close: () => {
          sessions.splice(sessions.indexOf(session), 1);
          happened.push('closed');
        },
      };
      sessions.push(session);
      return session;
    },
  });
  const { port, close } = await listen([ads.service('any')], {
    at: { host: '127.0.0.1', port: 0 },
    clock,
    grpc: { maxMessageBytes: 1 << 20 },
  });
  closers.push(async () => {
    const closed = close();
    clock.advance(2000);
    await closed;
  });
  const open = (variant: 'Stream' | 'Delta' = 'Stream') => {
    const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
    closers.push(() => client.close());
    const stream: ClientDuplexStream<Buffer, Response> = client.makeBidiStreamRequest(
      `/envoy.service.discovery.v3.AggregatedDiscoveryService/${variant}AggregatedResources`,
      (bytes: Buffer) => bytes,
      (bytes: Buffer) => DiscoveryResponse.decode(bytes),
    );
    const responses = new AsyncQueue<Response>();
    const ended = new Promise<ServiceError>((resolve) =>
      stream.on('error', (error: ServiceError) => {
        resolve(error);
        responses.close();
      }),
    );
    return {
      stream,
      ended,
      read: () => void stream.on('data', (response: Response) => responses.push(response)),
      ask: (fields: Fields) =>
        void stream.write(Buffer.from(DiscoveryRequest.encode({ typeUrl: 'eds', ...fields }).finish())),
      askDelta: (fields: DeltaFields) =>
        void stream.write(Buffer.from(DeltaDiscoveryRequest.encode({ typeUrl: 'eds', ...fields }).finish())),
      next: async () => (await responses.next()).value as Response,
    };
  };
  /** A client that lets the server send nothing until it says so (RFC 9113, 5.2). */
  const openStuck = () => {
    const session = connect(`http://127.0.0.1:${port}`, { settings: { initialWindowSize: 0 } });
    const stream = session.request({
      ':method': 'POST',
      ':path': '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources',
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    closers.push(() => session.destroy());
    return {
      subscribe: (name: string) => {
        const message = DeltaDiscoveryRequest.encode({ typeUrl: 'eds', resourceNamesSubscribe: [name] }).finish();
        const head = Buffer.alloc(5);
        head.writeUInt32BE(message.length, 1);
        stream.write(Buffer.concat([head, message]));
      },
      take: () => {
        stream.resume();
        session.settings({ initialWindowSize: 1 << 30 });
      },
      closed: new Promise<number | undefined>((resolve) =>
        stream.on('close', () => resolve(stream.rstCode)).on('error', () => {}),
      ),
    };
  };
  const change = (): void => {
    version += 1;
    for (const { push } of sessions) push(new Map([['eds', 'all' as const]]));
  };
  return { clock, hits, logged, happened, sessions, open, openStuck, change };
}
export const names = (count: number, prefix = 'name'): string[] =>
  Array.from({ length: count }, (_, i) => `${prefix}-${i}`);
