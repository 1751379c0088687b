import { Client, credentials, Metadata, type ChannelCredentials, type ClientDuplexStream } from '@grpc/grpc-js';
import { serverNamed } from '@flotilla/grpc';
import { envoy } from '@flotilla/proto-gen/discovery';
import { toJson, type Json } from '@flotilla/proto-gen/json';
import { AsyncQueue } from '@flotilla/std';

const { DiscoveryRequest, DiscoveryResponse, DeltaDiscoveryRequest, DeltaDiscoveryResponse } =
  envoy.service.discovery.v3;
const clusterType = 'type.googleapis.com/envoy.config.cluster.v3.Cluster';

export type Variant = 'sotw' | 'delta';
/**
 * Who connects: its certificate proves `account` (without one: plaintext), or its bearer token does; its node says
 * everything else.
 */
export interface Caller {
  readonly variant: Variant;
  readonly account?: string;
  readonly bearer?: string;
  readonly type?: 'sidecar' | 'router';
  readonly name?: string;
  readonly namespace?: string;
  readonly ip?: string;
  /** The DNS suffix of its cluster. */
  readonly domain?: string;
  readonly metadata?: Readonly<Record<string, unknown>>;
}
/** One response: its type, the names of its resources, and their bytes as text. */
export interface Answer {
  readonly typeUrl: string;
  readonly names: readonly string[];
  readonly text: string;
}
export interface Stream {
  ask(typeUrl: string, names: readonly string[]): void;
  next(): Promise<Answer>;
  /** The first answer that has this text. */
  nextWith(text: string): Promise<Answer>;
  /** What the client has, by type and name, as hexadecimal bytes. */
  readonly held: ReadonlyMap<string, ReadonlyMap<string, string>>;
  /** A resource that the client has, as canonical JSON; undefined without one. */
  resource(typeUrl: string, name: string): Json | undefined;
  /** Resolves when the condition holds for what the client has; checked after each response. */
  until(isDone: () => boolean): Promise<void>;
  /** Resolves when the client has a resource of a name. */
  has(typeUrl: string, name: string): Promise<void>;
  /** Resolves when everything that was sent before has been answered: the server answers in order. */
  roundTrip(): Promise<void>;
  /** Everything that has arrived, after waiting for the answer to another request. */
  settled(): Promise<readonly Answer[]>;
  close(): void;
}

interface Raw {
  readonly typeUrl: string;
  readonly nonce: string;
  readonly resources: readonly {
    readonly name?: string | null;
    readonly value?: Uint8Array | null;
    readonly resource?: { readonly value?: Uint8Array | null } | null;
  }[];
  readonly removedResources?: readonly string[];
}

/** Types of which a response without delta is the complete state. */
const wholeTypes = [
  'envoy.config.cluster.v3.Cluster',
  'envoy.config.listener.v3.Listener',
  'istio.networking.nds.v1.NameTable',
];
const unservedType = 'type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig';

/** What every resource but the name table begins with, its name, in field 1 (Protocol Buffers, "Encoding"). */
function nameIn(typeUrl: string, bytes: Uint8Array): string {
  if (bytes[0] !== 0x0a || typeUrl.endsWith('NameTable')) return '';
  const [low = 0, high = 0] = bytes.subarray(1);
  const [length, start] = low < 0x80 ? [low, 2] : [(low & 0x7f) + high * 0x80, 3];
  return Buffer.from(bytes.subarray(start, start + length)).toString();
}

/** Applies a response to what a client has. */
function take(
  held: Map<string, Map<string, string>>,
  { typeUrl, resources, removedResources = [] }: Raw,
  variant: Variant,
): void {
  const isWhole = variant === 'sotw' && wholeTypes.some((type) => typeUrl.endsWith(type));
  const known = isWhole ? new Map<string, string>() : (held.get(typeUrl) ?? new Map<string, string>());
  held.set(typeUrl, known);
  for (const { value, resource } of resources) {
    const bytes = Buffer.from(value ?? resource?.value ?? []);
    known.set(nameIn(typeUrl, bytes), bytes.toString('hex'));
  }
  for (const name of removedResources) known.delete(name);
}
const variants = {
  sotw: {
    method: 'StreamAggregatedResources',
    encode: (fields: object) => Buffer.from(DiscoveryRequest.encode(fields).finish()),
    decode: (bytes: Buffer): Raw => DiscoveryResponse.decode(bytes),
    names: (names: readonly string[]) => ({ resourceNames: [...names] }),
  },
  delta: {
    method: 'DeltaAggregatedResources',
    encode: (fields: object) => Buffer.from(DeltaDiscoveryRequest.encode(fields).finish()),
    decode: (bytes: Buffer): Raw => DeltaDiscoveryResponse.decode(bytes),
    names: (names: readonly string[]) => ({ resourceNamesSubscribe: [...names] }),
  },
};
const struct = (value: unknown): object =>
  typeof value === 'string'
    ? { stringValue: value }
    : {
        structValue: {
          fields: Object.fromEntries(Object.entries(value as object).map(([name, item]) => [name, struct(item)])),
        },
      };

/** Connects as a proxy to pilot at a port of this host; it has requested clusters and received them. */
export async function connectProxy(
  port: number,
  caller: Caller,
  tls: ChannelCredentials = credentials.createInsecure(),
): Promise<Stream> {
  const {
    variant,
    account,
    bearer,
    type = 'router',
    namespace = account?.split('/')[0] ?? 'shop',
    name = 'gateway',
    ip = '10.0.0.1',
    domain = 'cluster.local',
    metadata = {},
  } = caller;
  const client = new Client(`127.0.0.1:${port}`, tls, {
    ...serverNamed('localhost'),
    'grpc.use_local_subchannel_pool': 1,
  });
  const sent = new Metadata();
  if (bearer !== undefined) sent.set('authorization', `Bearer ${bearer}`);
  const { method, encode, decode, names: named } = variants[variant];
  const stream: ClientDuplexStream<object, Raw> = client.makeBidiStreamRequest(
    `/envoy.service.discovery.v3.AggregatedDiscoveryService/${method}`,
    encode,
    decode,
    sent,
  );
  const answers = new AsyncQueue<Answer>();
  const last = new Map<string, string>();
  const resourcesHeld = new Map<string, Map<string, string>>();
  const waiting = new Set<() => void>();
  const until = (isDone: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      const check = (): void => {
        if (!isDone()) return;
        waiting.delete(check);
        resolve();
      };
      waiting.add(check);
      check();
    });
  stream
    .on('data', (raw: Raw) => {
      const { typeUrl, nonce, resources } = raw;
      last.set(typeUrl, nonce);
      take(resourcesHeld, raw, variant);
      for (const check of waiting) check();
      const text = resources
        .map(({ value, resource }) => Buffer.from(value ?? resource?.value ?? []).toString('latin1'))
        .join('\n');
      answers.push({ typeUrl, names: resources.map((resource) => resource.name ?? ''), text });
    })
    .on('error', (error) => answers.fail(error));
  const close = (): void => {
    stream.cancel();
    client.close();
  };
  const next = async (): Promise<Answer> => (await answers.next()).value as Answer;
  const id = `${type}~${ip}~${name}.${namespace}~${namespace}.svc.${domain}`;
  stream.write({
    node: {
      id,
      metadata: { fields: Object.fromEntries(Object.entries(metadata).map(([key, value]) => [key, struct(value)])) },
    },
    typeUrl: clusterType,
  });
  await next();
  let others = 0;
  return {
    held: resourcesHeld,
    until,
    resource(typeUrl, name) {
      const bytes = resourcesHeld.get(typeUrl)?.get(name);
      return bytes === undefined ? undefined : toJson(typeUrl, Buffer.from(bytes, 'hex'));
    },
    has: (typeUrl, name) => until(() => resourcesHeld.get(typeUrl)?.has(name) ?? false),
    async roundTrip() {
      const before = last.get(unservedType);
      others += 1;
      stream.write({
        typeUrl: unservedType,
        ...named([`${others}`]),
        ...(variant === 'sotw' ? { responseNonce: before ?? '' } : {}),
      });
      await until(() => last.get(unservedType) !== before);
    },
    ask: (typeUrl, names) =>
      void stream.write({
        typeUrl,
        ...named(names),
        ...(variant === 'sotw' ? { responseNonce: last.get(typeUrl) ?? '' } : {}),
      }),
    next,
    async nextWith(text) {
      for (;;) {
        const answer = await next();
        if (answer.text.includes(text)) return answer;
      }
    },
    async settled() {
      const other = 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment';
      others += 1;
      stream.write({
        typeUrl: other,
        ...named([`outbound|${others}||nowhere`]),
        ...(variant === 'sotw' ? { responseNonce: last.get(other) ?? '' } : {}),
      });
      const found: Answer[] = [];
      for (let answer = await next(); answer.typeUrl !== other; answer = await next()) found.push(answer);
      return found;
    },
    close,
  };
}
