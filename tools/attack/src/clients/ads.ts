import { Client, credentials, Metadata, type ClientDuplexStream, type ServiceError } from '@grpc/grpc-js';
import { expectIdentity, serverNamed } from '@flotilla/grpc';
import type { KeyAndCertificate } from '@flotilla/pki';
import { envoy } from '@flotilla/proto-gen/discovery';
import { struct } from '@flotilla/proto-gen/envoy';
import { patience } from '../attack.ts';

const { DeltaDiscoveryRequest, DeltaDiscoveryResponse, DiscoveryRequest, DiscoveryResponse } =
  envoy.service.discovery.v3;
export type DeltaFields = Parameters<typeof DeltaDiscoveryRequest.encode>[0];
export type SotwFields = Parameters<typeof DiscoveryRequest.encode>[0];
type Delta = InstanceType<typeof DeltaDiscoveryResponse>;
type Sotw = InstanceType<typeof DiscoveryResponse>;
export type Response =
  { readonly kind: 'delta'; readonly message: Delta } | { readonly kind: 'sotw'; readonly message: Sotw };

const config = (name: string): string => `type.googleapis.com/envoy.config.${name}`;
export const types = {
  cds: config('cluster.v3.Cluster'),
  eds: config('endpoint.v3.ClusterLoadAssignment'),
  lds: config('listener.v3.Listener'),
  rds: config('route.v3.RouteConfiguration'),
  sds: 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret',
  nds: 'type.googleapis.com/istio.networking.nds.v1.NameTable',
} as const;

export interface AdsOptions {
  /** `host:port`. */
  readonly address: string;
  /** mTLS with this certificate, to a server that proves to be `server`; plaintext without. */
  readonly certificate?: KeyAndCertificate;
  readonly server?: string;
  /** Sent as bearer token of the call. */
  readonly bearer?: string;
  readonly variant: 'delta' | 'sotw';
  readonly nodeId: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** The node of a sidecar, or of a router, as Istio's bootstrap writes it. */
export const nodeOf = (
  namespace: string,
  {
    name = 'web',
    kind = 'sidecar',
    address = '10.0.0.1',
  }: { readonly name?: string; readonly kind?: 'sidecar' | 'router'; readonly address?: string } = {},
): string => `${kind}~${address}~${name}.${namespace}~${namespace}.svc.cluster.local`;

const identity = (bytes: Buffer): Buffer => bytes;
const mutualTls = ({ roots, key, cert }: KeyAndCertificate, server: string) =>
  credentials.createSsl(
    Buffer.from(roots),
    key === '' ? null : Buffer.from(key),
    cert === '' ? null : Buffer.from(cert),
    { checkServerIdentity: expectIdentity(`spiffe://cluster.local/ns/istio-system/sa/${server}`) },
  );

/** One ADS stream on a connection of its own. Requests are messages or bytes; responses are gathered. */
export class AdsStream {
  readonly responses: Response[] = [];
  readonly #client: Client;
  readonly #stream: ClientDuplexStream<Buffer, Buffer>;
  readonly #options: AdsOptions;
  readonly #waiting = new Set<() => void>();
  #isFirst = true;
  /** How the stream ended; undefined while it is open. */
  ended: ServiceError | 'ended' | undefined;

  constructor(options: AdsOptions) {
    this.#options = options;
    const { certificate, variant, server = 'pilot', bearer } = options;
    const tls = certificate ? mutualTls(certificate, server) : credentials.createInsecure();
    this.#client = new Client(options.address, tls, {
      ...(certificate ? serverNamed('localhost') : {}),
      'grpc.use_local_subchannel_pool': 1,
      'grpc.max_receive_message_length': -1,
      'grpc.enable_retries': 0,
    });
    const method = variant === 'delta' ? 'DeltaAggregatedResources' : 'StreamAggregatedResources';
    const metadata = new Metadata();
    if (bearer !== undefined) metadata.set('authorization', `Bearer ${bearer}`);
    this.#stream = this.#client.makeBidiStreamRequest(
      `/envoy.service.discovery.v3.AggregatedDiscoveryService/${method}`,
      identity,
      identity,
      metadata,
    );
    this.#stream.on('data', (bytes: Buffer) => {
      this.responses.push(
        variant === 'delta'
          ? { kind: 'delta', message: DeltaDiscoveryResponse.decode(bytes) }
          : { kind: 'sotw', message: DiscoveryResponse.decode(bytes) },
      );
      this.#wake();
    });
    this.#stream.on('error', (error: ServiceError) => this.#end(error)).on('end', () => this.#end('ended'));
  }

  /** Sends a request; the first carries the node. Returns whether the connection takes more at once. */
  send(fields: DeltaFields & SotwFields): boolean {
    const { variant, nodeId, metadata = {} } = this.#options;
    const whole = { ...(this.#isFirst ? { node: { id: nodeId, metadata: struct(metadata) } } : {}), ...fields };
    this.#isFirst = false;
    return this.sendBytes(
      Buffer.from(
        variant === 'delta' ? DeltaDiscoveryRequest.encode(whole).finish() : DiscoveryRequest.encode(whole).finish(),
      ),
    );
  }

  sendBytes(bytes: Buffer): boolean {
    return this.#stream.write(bytes);
  }

  /** Reads nothing more until `resume`. */
  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  /** The first response, gathered or to come, that fits. Rejects when the stream ends before, or after `limitMs`. */
  async next(fits: (response: Response) => boolean, limitMs = 5000): Promise<Response> {
    const until = Date.now() + limitMs * patience();
    for (;;) {
      const found = this.responses.find(fits);
      if (found) return found;
      if (this.ended !== undefined) throw this.ended === 'ended' ? new Error('the stream ended') : this.ended;
      if (Date.now() >= until) throw new Error(`no such response within ${limitMs} ms`);
      await this.#change(until - Date.now());
    }
  }

  /** How the stream ends; rejects when it does not within `limitMs`. */
  async end(limitMs = 5000): Promise<ServiceError | 'ended'> {
    for (
      const until = Date.now() + limitMs * patience();
      this.ended === undefined;
      await this.#change(until - Date.now())
    ) {
      if (Date.now() >= until) throw new Error(`the stream did not end within ${limitMs} ms`);
    }
    return this.ended;
  }

  close(): void {
    this.#stream.cancel();
    this.#client.close();
  }

  #end(how: ServiceError | 'ended'): void {
    this.ended ??= how;
    this.#wake();
  }

  #wake(): void {
    for (const wake of [...this.#waiting]) wake();
  }

  #change(limitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(done);
        resolve();
      };
      const timer = setTimeout(done, Math.max(0, limitMs));
      this.#waiting.add(done);
    });
  }
}
