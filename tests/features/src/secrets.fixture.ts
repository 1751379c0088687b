import { createPublicKey, randomBytes, X509Certificate } from 'node:crypto';
import { Client, credentials, type ClientDuplexStream } from '@grpc/grpc-js';
import { createInProcessBus } from '@flotilla/bus-in-process';
import { createCredentialHub } from '@flotilla/citadel-credentials';
import { listen, serverNamed } from '@flotilla/grpc';
import {
  collections,
  parseMeshConfig,
  type Batch,
  type CredentialSource,
  type CredentialUpdate,
} from '@flotilla/model';
import { noObservability, type Fields as LogFields, type Logger } from '@flotilla/observability-port';
import { createPilot } from '@flotilla/pilot-service';
import {
  buildCertificate,
  buildRoot,
  createCertificateSource,
  generateKey,
  keyToPem,
  type KeyAndCertificate,
} from '@flotilla/pki';
import { envoy } from '@flotilla/proto-gen/discovery';
import { AsyncQueue } from '@flotilla/std';
import { resourceOf } from '@flotilla/testing';

const { DiscoveryRequest, DiscoveryResponse, DeltaDiscoveryRequest, DeltaDiscoveryResponse } =
  envoy.service.discovery.v3;
export const secretType = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret';
const clusterType = 'type.googleapis.com/envoy.config.cluster.v3.Cluster';

const key = generateKey();
const validity = { notBefore: Date.now() - 60_000, notAfter: Date.now() + 3_600_000 };
const roots = buildRoot(key, { organization: 'test', validity, serial: randomBytes(16) });
export const issue = (account: string): KeyAndCertificate => {
  const [namespace, name] = account.split('/');
  const uris = [`spiffe://cluster.local/ns/${namespace}/sa/${name}`];
  return {
    key: keyToPem(key),
    cert: buildCertificate(
      { publicKey: createPublicKey(key), validity, serial: randomBytes(16), uris, dns: ['localhost'] },
      { key, certificate: new X509Certificate(roots) },
    ),
    roots,
  };
};

export type Variant = 'sotw' | 'delta';
/** Who connects: `account` is what its certificate proves (none: plaintext), all else is what its node says. */
export interface Caller {
  readonly variant: Variant;
  readonly account?: string;
  readonly type?: 'sidecar' | 'router';
  readonly name?: string;
  readonly namespace?: string;
  readonly ip?: string;
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
  /** Resolves when the client has a resource of a name. */
  has(typeUrl: string, name: string): Promise<void>;
  /** Resolves when all is answered that was sent before: the server answers in order. */
  roundTrip(): Promise<void>;
  /** All that has come until now, told by asking for something else and waiting for that. */
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

/** Types of which a response without delta is all that there is. */
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

/** Takes over a response into what a client has. */
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

export interface RigOptions {
  readonly readers?: readonly string[];
  readonly objects?: readonly unknown[];
  readonly maxCredentials?: number;
}

/** Pilot with the credentials of a queue, over mTLS and in plaintext. `close` ends all that was opened. */
export async function openPilot({ readers = [], objects = [], maxCredentials = 100 }: RigOptions) {
  const stop = new AbortController();
  const closers: (() => unknown)[] = [() => stop.abort()];
  const logged: LogFields[] = [];
  /** Errors and what is over again, by their messages. */
  const logs: { readonly message: string; readonly fields: LogFields }[] = [];
  const log: Logger = {
    ...noObservability.log,
    error: (message: string, fields: LogFields = {}) => void logs.push({ message, fields }),
    info: (message: string, fields: LogFields = {}) => void logs.push({ message, fields }),
    warn: (_message: string, fields: LogFields = {}) => void logged.push(fields),
    scope: () => log,
    with: () => log,
  };
  const bus = createInProcessBus();
  const secrets = createCredentialHub();
  secrets.update({ put: new Map(), delete: [] });
  /** Names that pilot follows now. */
  const followed = new Set<string>();
  const awaited = new Map<string, () => void>();
  const credentialSource: CredentialSource = {
    subscribe(signal) {
      const subscription = secrets.subscribe(signal);
      return {
        [Symbol.asyncIterator]: () => subscription[Symbol.asyncIterator](),
        add: (name) => void (followed.add(name), subscription.add(name)),
        drop(name) {
          followed.delete(name);
          subscription.drop(name);
          awaited.get(name)?.();
        },
      };
    },
  };
  const pilot = createPilot({
    subscriber: bus,
    credentials: credentialSource,
    credentialReader: readers,
    maxCredentials,
    observability: { ...noObservability, log },
    signal: stop.signal,
  });
  void pilot.run();
  const mesh = parseMeshConfig({});
  if (!mesh.ok) throw new Error('mesh');
  let seq = 1;
  const put = (added: readonly unknown[]): Promise<void> =>
    bus.publish({
      session: 's',
      seq: (seq += 1),
      put: added.map((object) => ({ resource: resourceOf(object) })),
      delete: [],
      complete: [],
    });
  await bus.publish({ session: 's', seq, put: [{ resource: mesh.value }], delete: [], complete: collections });
  await put(objects);
  await pilot.ready;
  const own = createCertificateSource(issue('istio-system/pilot'));
  const secure = await listen([pilot.discovery('identified')], {
    at: { host: '127.0.0.1', port: 0 },
    tls: { source: own, clients: 'required' },
  });
  const plain = await listen([pilot.discovery('any')], { at: { host: '127.0.0.1', port: 0 } });
  closers.push(
    () => secure.close(),
    () => plain.close(),
  );

  async function connect(caller: Caller): Promise<Stream> {
    const {
      variant,
      account,
      type = 'router',
      namespace = account?.split('/')[0] ?? 'shop',
      name = 'gateway',
      ip = '10.0.0.1',
      metadata = {},
    } = caller;
    const held = account === undefined ? undefined : issue(account);
    const tls = held
      ? credentials.createSsl(Buffer.from(roots), Buffer.from(held.key), Buffer.from(held.cert))
      : credentials.createInsecure();
    const client = new Client(`127.0.0.1:${(held ? secure : plain).port}`, tls, {
      ...serverNamed('localhost'),
      'grpc.use_local_subchannel_pool': 1,
    });
    const { method, encode, decode, names: named } = variants[variant];
    const stream: ClientDuplexStream<object, Raw> = client.makeBidiStreamRequest(
      `/envoy.service.discovery.v3.AggregatedDiscoveryService/${method}`,
      encode,
      decode,
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
    closers.push(close);
    const next = async (): Promise<Answer> => (await answers.next()).value as Answer;
    const id = `${type}~${ip}~${name}.${namespace}~${namespace}.svc.cluster.local`;
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
  return {
    connect,
    put,
    /** One batch: objects that are there now, and keys of those that are gone. */
    publish: (batch: Pick<Batch, 'put' | 'delete'>): Promise<void> =>
      bus.publish({ session: 's', seq: (seq += 1), complete: [], ...batch }),
    engine: pilot.engine,
    problems: pilot.problems,
    logs,
    logged,
    followed,
    /** Resolves when pilot stops following a name. */
    dropped: (name: string): Promise<void> => new Promise((resolve) => void awaited.set(name, resolve)),
    /** Names of the credentials that pilot has in memory. */
    held: (): readonly string[] => pilot.engine.store.keys('credentials').map(String),
    give: (update: Partial<CredentialUpdate>): void => secrets.update({ put: new Map(), delete: [], ...update }),
    async close(): Promise<void> {
      for (const close of closers.splice(0).reverse()) await close();
    },
  };
}
export type Rig = Awaited<ReturnType<typeof openPilot>>;
