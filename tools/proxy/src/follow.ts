import { Client, credentials, type ClientDuplexStream, type ServiceError } from '@grpc/grpc-js';
import { typeUrls, type XdsKind } from '@flotilla/pilot-xds';
import { envoy } from '@flotilla/proto-gen/discovery';
import { struct } from '@flotilla/proto-gen/envoy';
import { AsyncQueue, createBackoff, pause, systemClock } from '@flotilla/std';
import { Held, type Change } from './held.ts';

const { DeltaDiscoveryRequest, DeltaDiscoveryResponse } = envoy.service.discovery.v3;
type Request = Parameters<typeof DeltaDiscoveryRequest.encode>[0];
type Response = InstanceType<typeof DeltaDiscoveryResponse>;

export interface FollowOptions {
  /** `HOST:PORT` of pilot's plaintext port. */
  readonly address: string;
  readonly node: { readonly id: string; readonly metadata: Readonly<Record<string, unknown>> };
  readonly signal: AbortSignal;
}
export type Event =
  | { readonly kind: 'connected' }
  /** The resources that differ after a response. */
  | { readonly kind: 'changed'; readonly changes: readonly Change[] }
  /** The stream has ended, and will be opened again. */
  | { readonly kind: 'disconnected'; readonly reason: string };

/**
 * Follows what pilot sends to a proxy: clusters and listeners, then the endpoints and routes that they refer to, as an
 * Envoy requests them (xDS, incremental). Acknowledges everything, and connects again after an interruption, when
 * pilot only sends what has changed meanwhile. Ends with the signal; never throws.
 */
export async function* follow(options: FollowOptions, held: Held): AsyncIterable<Event> {
  const { signal, address } = options;
  const backoff = createBackoff({ firstMs: 250, mostMs: 5000, random: Math.random });
  const client = new Client(address, credentials.createInsecure(), { 'grpc.max_receive_message_length': -1 });
  try {
    while (!signal.aborted) {
      held.restart();
      try {
        for await (const event of oneStream(client, options, held)) {
          if (event.kind === 'connected') backoff.reset();
          yield event;
        }
      } catch (thrown) {
        if (signal.aborted) return;
        yield { kind: 'disconnected', reason: (thrown as ServiceError).details || (thrown as Error).message };
      }
      await pause(backoff.next(), signal, systemClock);
    }
  } finally {
    client.close();
  }
}

async function* oneStream(client: Client, { node, signal }: FollowOptions, held: Held): AsyncIterable<Event> {
  const stream: ClientDuplexStream<Request, Response> = client.makeBidiStreamRequest(
    '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources',
    (request: Request) => Buffer.from(DeltaDiscoveryRequest.encode(request).finish()),
    (bytes: Buffer) => DeltaDiscoveryResponse.decode(bytes),
  );
  const responses = new AsyncQueue<Response>();
  stream
    .on('data', (response: Response) => responses.push(response))
    .on('end', () => responses.fail(new Error('pilot has ended the stream')))
    .on('error', (error) => responses.fail(error));
  const cancel = (): void => stream.cancel();
  signal.addEventListener('abort', cancel, { once: true });
  const requested = new Set<XdsKind>();
  const request = (kind: XdsKind, fields: Request = {}): void => {
    const versions = requested.has(kind)
      ? []
      : [...held.resourcesOf(kind)].map(([name, { version }]) => [name, version]);
    requested.add(kind);
    stream.write({ typeUrl: typeUrls[kind], initialResourceVersions: Object.fromEntries(versions), ...fields });
  };
  try {
    request('cds', { node: { id: node.id, metadata: struct(node.metadata) } });
    request('lds');
    let isFirst = true;
    for await (const { typeUrl, nonce, resources, removedResources: removed } of responses) {
      if (isFirst) yield { kind: 'connected' };
      isFirst = false;
      const changes = held.take({
        typeUrl,
        removed,
        resources: resources.map(({ name, version, resource }) => ({
          name: name ?? '',
          version: version ?? '',
          bytes: resource?.value ?? new Uint8Array(),
        })),
      });
      stream.write({ typeUrl, responseNonce: nonce });
      const referring = typeUrl === typeUrls.cds ? 'eds' : typeUrl === typeUrls.lds ? 'rds' : undefined;
      if (referring) {
        const { added, dropped } = held.follow(referring);
        if (added.length + dropped.length > 0)
          request(referring, { resourceNamesSubscribe: [...added], resourceNamesUnsubscribe: [...dropped] });
      }
      yield { kind: 'changed', changes };
    }
  } finally {
    signal.removeEventListener('abort', cancel);
    stream.cancel();
  }
}
