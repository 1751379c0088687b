import { createPublicKey, randomBytes, X509Certificate } from 'node:crypto';
import { credentials } from '@grpc/grpc-js';
import { createInProcessBus } from '@flotilla/bus-in-process';
import { createCredentialHub, createReaderList, type SecretUpdate } from '@flotilla/citadel-credentials';
import { createAccessReviews, createSecretWatches } from '@flotilla/citadel-kubernetes';
import { createFileSource } from '@flotilla/galley-file-source';
import { createGalley } from '@flotilla/galley-service';
import { listen } from '@flotilla/grpc';
import type { KubeApi } from '@flotilla/kube-port';
import { collections, parseMeshConfig, type Batch, type CredentialSource, type KeySetSource } from '@flotilla/model';
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
import { AsyncQueue } from '@flotilla/std';
import { createManualClock, resourceOf } from '@flotilla/testing';
import { connectProxy, type Caller, type Stream } from './proxy-stream.fixture.ts';

export const secretType = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret';

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

export interface RigOptions {
  readonly readers?: readonly string[];
  readonly objects?: readonly unknown[];
  readonly maxCredentials?: number;
  readonly keySets?: KeySetSource;
  /** A cluster with Secrets, which decides who may read them; instead of `readers`. */
  readonly cluster?: KubeApi;
  /** A folder of configuration, which a galley reads and publishes; instead of `objects`. */
  readonly config?: string;
}

/** Pilot with the credentials of a queue, over mTLS and in plaintext. `close` ends everything that was opened. */
export async function openPilot({
  readers = [],
  objects = [],
  maxCredentials = 100,
  keySets,
  cluster,
  config,
}: RigOptions) {
  const stop = new AbortController();
  const closers: (() => unknown)[] = [() => stop.abort()];
  const logged: LogFields[] = [];
  const reasons = new AsyncQueue<string>();
  /** Errors and what is over again, by their messages. */
  const logs: { readonly message: string; readonly fields: LogFields }[] = [];
  const log: Logger = {
    ...noObservability.log,
    error: (message: string, fields: LogFields = {}) => void logs.push({ message, fields }),
    info: (message: string, fields: LogFields = {}) => void logs.push({ message, fields }),
    warn: (_message: string, fields: LogFields = {}) => {
      logged.push(fields);
      reasons.push(String(fields['reason']));
    },
    scope: () => log,
    with: () => log,
  };
  const bus = createInProcessBus();
  const secrets = createCredentialHub(
    cluster
      ? {
          secrets: createSecretWatches({ api: cluster, log, maxWatches: 100, onFull: () => {} }),
          access: createAccessReviews({ api: cluster, log }),
        }
      : { access: createReaderList(readers) },
  );
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
        addReader: (account) => subscription.addReader(account),
        dropReader: (account) => subscription.dropReader(account),
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
    maxCredentials,
    ...(keySets ? { keySets } : {}),
    reports: { sender: bus, instance: 'pilot-1' },
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
  const first = objects.map((object) => ({ resource: resourceOf(object) }));
  const clock = createManualClock();
  const galley =
    config === undefined
      ? undefined
      : createGalley({
          sources: [createFileSource([config])],
          publisher: bus,
          reports: { receiver: bus, limits: { reportingPilots: 5, reportBytes: 1 << 20, reportMessages: 1000 } },
          observability: noObservability,
          clock,
          signal: stop.signal,
        });
  if (galley) void galley.run();
  else
    await bus.publish({
      session: 's',
      seq,
      put: [{ resource: mesh.value }, ...first],
      delete: [],
      complete: collections,
    });
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
    const held = caller.account === undefined ? undefined : issue(caller.account);
    const tls = held && credentials.createSsl(Buffer.from(roots), Buffer.from(held.key), Buffer.from(held.cert));
    const stream = await connectProxy((held ? secure : plain).port, caller, tls);
    closers.push(stream.close);
    return stream;
  }
  return {
    connect,
    /** Plaintext. */
    port: plain.port,
    put,
    /** One batch: objects that are there now, and keys of those that are gone. */
    publish: (batch: Pick<Batch, 'put' | 'delete'>): Promise<void> =>
      bus.publish({ session: 's', seq: (seq += 1), complete: [], ...batch }),
    engine: pilot.engine,
    problems: pilot.problems,
    pages: pilot.pages,
    logs,
    logged,
    /** Resolves when a next warning has a reason with this text. */
    async warned(text: string): Promise<void> {
      while (!String((await reasons.next()).value).includes(text));
    },
    followed,
    /** Resolves when what is wrong with the configuration, as galley knows it, is this: `LEVEL PATH: MESSAGE`. */
    async untilProblems(expected: readonly string[]): Promise<void> {
      const found = (): string =>
        (galley?.problems() ?? []).map(({ level, path, message }) => `${level} ${path}: ${message}`).join('\n');
      while (found() !== expected.join('\n')) {
        clock.advance(10);
        await new Promise(setImmediate);
      }
    },
    /** Resolves when pilot stops following a name. */
    dropped: (name: string): Promise<void> => new Promise((resolve) => void awaited.set(name, resolve)),
    /** Names of the credentials that pilot has in memory. */
    held: (): readonly string[] => pilot.engine.store.keys('credentials').map(String),
    give: (update: Partial<SecretUpdate>): void => secrets.update({ put: new Map(), delete: [], ...update }),
    async close(): Promise<void> {
      for (const close of closers.splice(0).reverse()) await close();
    },
  };
}
export type Rig = Awaited<ReturnType<typeof openPilot>>;
