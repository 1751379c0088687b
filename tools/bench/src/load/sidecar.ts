import { Client, credentials, type ClientDuplexStream } from '@grpc/grpc-js';
import { envoy } from '@flotilla/proto-gen/discovery';
import { hashBytes } from '@flotilla/std';
import type { MeshNode } from '../bench-mesh.ts';
import type { Variant, XdsType } from '../result.ts';
import { assignmentOf, routesOf } from './names.ts';
import { readResponse, typeUrls, type Response } from './responses.ts';

const { DiscoveryRequest, DeltaDiscoveryRequest } = envoy.service.discovery.v3;
type Stream = ClientDuplexStream<Uint8Array, Buffer>;
const methods: Readonly<Record<Variant, string>> = {
  sotw: 'StreamAggregatedResources',
  delta: 'DeltaAggregatedResources',
};
const reopenMs = 250;
/** A whole configuration fits in, so that no round trips count. */
const windowBytes = 4 << 20;
const identity = (bytes: Buffer): Buffer => bytes;
/** Fields of a message may come in several pieces: they are put together by their numbers. */
const encodeSotw = (request: Parameters<typeof DiscoveryRequest.encode>[0]): Buffer =>
  Buffer.from(DiscoveryRequest.encode(request).finish());
const encodeDelta = (request: Parameters<typeof DeltaDiscoveryRequest.encode>[0]): Buffer =>
  Buffer.from(DeltaDiscoveryRequest.encode(request).finish());

/** google.protobuf.Struct of texts, and of such. */
interface Struct {
  fields: Record<string, { stringValue: string } | { structValue: Struct }>;
}
const toStruct = (data: object): Struct => ({
  fields: Object.fromEntries(
    Object.entries(data).map(([key, value]: [string, unknown]) => [
      key,
      typeof value === 'object' && value !== null ? { structValue: toStruct(value) } : { stringValue: String(value) },
    ]),
  ),
});

export interface SidecarOptions {
  readonly address: string;
  readonly variant: Variant;
  readonly node: MeshNode;
  /** A response came, of so many bytes. */
  readonly onResponse: (response: Response, bytes: number) => void;
  readonly onBroken: (error: Error) => void;
}

/** What hangs on a type: clusters wait for load assignments, listeners for route configurations. */
const follows: Partial<Record<XdsType, { readonly type: XdsType; readonly of: (bytes: Buffer) => readonly string[] }>> =
  {
    cds: { type: 'eds', of: (bytes) => [assignmentOf(bytes)].filter((name) => name !== undefined) },
    lds: { type: 'rds', of: routesOf },
  };

const known = new Map<string, readonly (readonly string[])[]>();
/**
 * What each resource of a response waits for. Sidecars of one namespace are sent the same bytes: they are looked into
 * once.
 */
function needsOf(message: Buffer, { type, resources }: Response): readonly (readonly string[])[] {
  const id = hashBytes(message);
  const needs = known.get(id) ?? resources.map(({ bytes }) => follows[type]?.of(bytes) ?? []);
  known.set(id, needs);
  return needs;
}

/**
 * One ADS stream on a connection of its own that behaves as Envoy does: it acknowledges all, and requests what its
 * clusters and listeners wait for.
 */
export class Sidecar {
  readonly #options: SidecarOptions;
  readonly #client: Client;
  #stream: Stream | undefined;
  #isClosed = false;
  /** What each resource waits for; in SotW all of a type together. */
  #waiting: Record<XdsType, Map<string, readonly string[]>> = this.#nothing();
  readonly #asked = new Map<XdsType, { readonly names: readonly string[]; readonly bytes: Buffer }>();
  readonly #last = new Map<XdsType, Response>();

  constructor(options: SidecarOptions) {
    this.#options = options;
    this.#client = new Client(options.address, credentials.createInsecure(), {
      'grpc.use_local_subchannel_pool': 1,
      'grpc.max_receive_message_length': -1,
      'grpc-node.flow_control_window': windowBytes,
    });
    this.#open();
  }

  close(): void {
    this.#isClosed = true;
    this.#stream?.cancel();
    this.#client.close();
  }

  #nothing(): Record<XdsType, Map<string, readonly string[]>> {
    return { cds: new Map(), eds: new Map(), lds: new Map(), rds: new Map() };
  }

  #open(): void {
    if (this.#isClosed) return;
    this.#waiting = this.#nothing();
    this.#asked.clear();
    this.#last.clear();
    const { variant, node } = this.#options;
    this.#stream = this.#client.makeBidiStreamRequest(
      `/envoy.service.discovery.v3.AggregatedDiscoveryService/${methods[variant]}`,
      identity as never,
      identity,
    );
    this.#stream.on('data', (bytes: Buffer) => this.#onResponse(readResponse(bytes, variant), bytes));
    this.#stream.on('error', (error) => {
      if (this.#isClosed) return;
      this.#options.onBroken(error);
      setTimeout(() => this.#open(), reopenMs);
    });
    const first = { node: { id: node.id, metadata: toStruct(node.metadata) }, typeUrl: typeUrls.cds };
    this.#stream.write(variant === 'sotw' ? encodeSotw(first) : encodeDelta(first));
  }

  #onResponse(response: Response, message: Buffer): void {
    const { type } = response;
    const isFirst = !this.#last.has(type);
    this.#last.set(type, response);
    this.#acknowledge(response);
    if (follows[type]) this.#follow(response, needsOf(message, response));
    if (type === 'cds' && isFirst)
      this.#stream?.write(
        this.#options.variant === 'sotw'
          ? encodeSotw({ typeUrl: typeUrls.lds })
          : encodeDelta({ typeUrl: typeUrls.lds }),
      );
    this.#options.onResponse(response, message.length);
  }

  #acknowledge({ type, nonce, version }: Response): void {
    if (this.#options.variant === 'delta')
      this.#stream?.write(encodeDelta({ typeUrl: typeUrls[type], responseNonce: nonce }));
    else
      this.#stream?.write(
        Buffer.concat([
          encodeSotw({ typeUrl: typeUrls[type], versionInfo: version, responseNonce: nonce }),
          this.#asked.get(type)?.bytes ?? Buffer.alloc(0),
        ]),
      );
  }

  #follow({ type, resources, removed }: Response, needs: readonly (readonly string[])[]): void {
    const waiting = this.#waiting[type];
    if (this.#options.variant === 'sotw') waiting.clear();
    resources.forEach(({ name }, i) => waiting.set(name ?? String(i), needs[i] ?? []));
    for (const name of removed) waiting.delete(name);
    const next = follows[type]?.type;
    if (next) this.#ask(next, [...new Set([...waiting.values()].flat())].sort());
  }

  #ask(type: XdsType, names: readonly string[]): void {
    const known = this.#asked.get(type)?.names ?? [];
    if (names.length === known.length && names.every((name, i) => name === known[i])) return;
    const [before, after] = [new Set(known), new Set(names)];
    const bytes = encodeSotw({ resourceNames: [...names] });
    this.#asked.set(type, { names, bytes });
    if (this.#options.variant === 'delta') {
      this.#stream?.write(
        encodeDelta({
          typeUrl: typeUrls[type],
          resourceNamesSubscribe: names.filter((name) => !before.has(name)),
          resourceNamesUnsubscribe: known.filter((name) => !after.has(name)),
        }),
      );
      return;
    }
    const { version = '', nonce = '' } = this.#last.get(type) ?? {};
    this.#stream?.write(
      Buffer.concat([encodeSotw({ typeUrl: typeUrls[type], versionInfo: version, responseNonce: nonce }), bytes]),
    );
  }
}
