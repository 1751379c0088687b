import { createPublicKey, randomBytes, X509Certificate } from 'node:crypto';
import { Client, credentials, status } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { createSecrets } from '@flotilla/citadel-service';
import { listen, serverNamed, type Listening } from '@flotilla/grpc';
import type { CredentialSource, CredentialUpdate } from '@flotilla/model';
import { createMetrics } from '@flotilla/observability';
import { noObservability, type Fields, type Logger } from '@flotilla/observability-port';
import {
  buildCertificate,
  buildRoot,
  createCertificateSource,
  generateKey,
  keyToPem,
  type KeyAndCertificate,
} from '@flotilla/pki';
import { flotilla } from '@flotilla/proto-gen/credentials';
import { createCredentialClient } from '@flotilla/runtime/credential-client';
import { AsyncQueue, type Clock } from '@flotilla/std';

const { WatchRequest } = flotilla.credentials.v1;
const rootKey = generateKey();
const validity = { notBefore: Date.now() - 60_000, notAfter: Date.now() + 3_600_000 };
const roots = buildRoot(rootKey, { organization: 'test', validity, serial: randomBytes(16) });
const issue = (
  serviceAccount: string,
  ca = { key: rootKey, certificate: new X509Certificate(roots) },
): KeyAndCertificate => {
  const key = generateKey();
  const uris = [`spiffe://cluster.local/ns/istio-system/sa/${serviceAccount}`];
  return {
    key: keyToPem(key),
    cert: buildCertificate({ publicKey: createPublicKey(key), validity, serial: randomBytes(16), uris }, ca),
    roots,
  };
};
/** Certificates of Secrets, by version. */
const pairs = new Map(['1', '2'].map((version) => [version, issue('web')]));
const versionOf = (bytes: Uint8Array | undefined, part: 'cert' | 'key'): string =>
  [...pairs].find(([, pair]) => pair[part] === Buffer.from(bytes ?? []).toString())?.[0] ?? 'other';
const secret = (name: string, version: string, roots = ''): unknown => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name, namespace: 'shop' },
  stringData: { cert: pairs.get(version)?.cert, key: pairs.get(version)?.key, ...(roots ? { cacert: roots } : {}) },
});
const controlPlane = { trustDomain: 'cluster.local', systemNamespace: 'istio-system' };
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** Citadel's side on a port that requests certificates and does not require them, as the CA's. */
async function serve(first: readonly unknown[], port = 0, maxCredentialsPerStream = 100) {
  const logged: string[] = [];
  const waiting = new Set<() => void>();
  const write = (message: string, fields: Fields = {}): void => {
    logged.push(`${message} ${JSON.stringify(fields)}`);
    for (const wake of waiting) wake();
  };
  /** Resolves when something is logged that has this text. */
  const until = (text: string): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => (logged.some((line) => line.includes(text)) ? resolve() : undefined);
      waiting.add(look);
      look();
    });
  const log: Logger = { ...noObservability.log, info: write, warn: write, error: write, scope: () => log };
  const metrics = createMetrics();
  const files = new AsyncQueue<{ path: string; documents: { value: unknown }[] }[]>();
  const put = (values: readonly unknown[]): void =>
    files.push([{ path: 'secrets.yaml', documents: values.map((value) => ({ value })) }]);
  const secrets = createSecrets({
    source: { run: () => files },
    credentialReader: ['shop/gateway'],
    ...controlPlane,
    observability: { ...noObservability, log, metrics },
    maxCredentialsPerStream,
  });
  const stop = new AbortController();
  void secrets.run(stop.signal);
  put(first);
  const listening: Listening = await listen([secrets], {
    at: { host: '127.0.0.1', port },
    tls: { source: createCertificateSource(issue('citadel')), clients: 'optional' },
  });
  const close = (): Promise<void> => {
    stop.abort();
    files.close();
    return listening.close();
  };
  closers.push(close);
  return { port: listening.port, secrets, put, logged, until, metrics, close };
}
type Served = Awaited<ReturnType<typeof serve>>;

const clientOf = (port: number, options: { readonly clock?: Clock; readonly log?: Logger } = {}): CredentialSource => {
  const certificate = { ...createCertificateSource(issue('pilot')), first: Promise.resolve() };
  return createCredentialClient({
    address: `127.0.0.1:${port}`,
    certificate,
    controlPlane,
    log: noObservability.log,
    ...options,
  });
};
function open(source: CredentialSource, names: readonly string[]) {
  const stop = new AbortController();
  const subscription = source.subscribe(stop.signal);
  subscription.addReader('shop/gateway');
  for (const name of names) subscription.add(name);
  closers.push(() => stop.abort());
  return {
    updates: subscription[Symbol.asyncIterator](),
    add: (name: string) => subscription.add(name),
    drop: (name: string) => subscription.drop(name),
    stop: () => stop.abort(),
  };
}
type Told = readonly string[];
/** An update as its names with what they bring: versions of certificate and key, `roots`, or nothing. */
const toldBy = ({ put, delete: gone }: CredentialUpdate): Told =>
  [
    ...[...put].map(
      ([name, { certificate, key: hidden, roots: trusted }]) =>
        `${name} ${certificate || hidden ? `${versionOf(certificate, 'cert')} ${versionOf(hidden, 'key')}` : ''}${trusted ? 'roots' : ''}`,
    ),
    ...gone.map((name) => `-${name}`),
  ].sort();
/** Collects updates until they have named `count` credentials. */
function follow(source: CredentialSource, names: readonly string[]) {
  const subscription = open(source, names);
  const next = async (count = 1): Promise<Told> => {
    const received: string[] = [];
    while (received.length < count)
      received.push(...toldBy((await subscription.updates.next()).value as CredentialUpdate));
    return received.sort();
  };
  return { ...subscription, next };
}

describe.each<[string, (served: Served) => CredentialSource]>([
  ['in the same process', ({ secrets }) => secrets],
  ['over mTLS', ({ port }) => clientOf(port)],
])('credentials from citadel, %s', (_how, sourceOf) => {
  it('are those of the names that are asked for, then what changes of them', async () => {
    const citadel = await serve([secret('a', '1'), secret('b', '1')]);
    const { next } = follow(sourceOf(citadel), ['shop/a']);
    expect(await next()).toEqual(['shop/a 1 1']);
    citadel.put([secret('a', '2'), secret('b', '2')]);
    expect(await next()).toEqual(['shop/a 2 2']);
    citadel.put([secret('b', '1')]);
    expect(await next()).toEqual(['-shop/a']);
  });

  it('are answered though there is none, and come when there is', async () => {
    const citadel = await serve([]);
    const { next } = follow(sourceOf(citadel), ['shop/a', '../odd', '']);
    expect(await next(3)).toEqual(['-', '-../odd', '-shop/a']);
    citadel.put([secret('a', '1')]);
    expect(await next()).toEqual(['shop/a 1 1']);
  });

  it('are none without a reader who may have them, whose namespace counts', async () => {
    const citadel = await serve([secret('a', '1')]);
    const subscription = sourceOf(citadel).subscribe(AbortSignal.timeout(60_000));
    const updates = subscription[Symbol.asyncIterator]();
    const next = async () => (await updates.next()).value as CredentialUpdate;
    for (const account of ['shop/web', 'elsewhere/gateway']) subscription.addReader(account);
    subscription.add('shop/a');
    const [received, verdicts]: [string[], string[]] = [[], []];
    const take = async (): Promise<void> => {
      const update = await next();
      received.push(...toldBy(update));
      for (const [account, mayRead] of update.readers ?? []) verdicts.push(`${account} ${mayRead}`);
    };
    while (received.length < 1 || verdicts.length < 2) await take();
    expect([received, verdicts.sort()]).toEqual([['-shop/a'], ['elsewhere/gateway false', 'shop/web false']]);
    subscription.addReader('shop/gateway');
    while (received.length < 2) await take();
    expect([received, verdicts.at(-1)]).toEqual([['-shop/a', 'shop/a 1 1'], 'shop/gateway true']);
    subscription.dropReader('shop/gateway');
    while (received.length < 3) await take();
    expect(received.at(-1)).toBe('-shop/a');
    await updates.return?.(undefined);
  });

  it('come for names that are added, and no longer for those that are dropped', async () => {
    const citadel = await serve([secret('a', '1'), secret('b', '1')]);
    const { next, add, drop } = follow(sourceOf(citadel), ['shop/a']);
    await next();
    add('shop/b');
    expect(await next()).toEqual(['shop/b 1 1']);
    drop('shop/a');
    citadel.put([secret('a', '2'), secret('b', '2')]);
    expect(await next()).toEqual(['shop/b 2 2']);
    add('shop/a');
    expect(await next()).toEqual(['shop/a 2 2']);
  });

  it('have the private key or the roots, by their name; roots may have a Secret of their own', async () => {
    const citadel = await serve([
      secret('a', '1', roots),
      secret('b', '1', roots),
      { ...(secret('b-cacert', '1') as object), stringData: { cacert: roots } },
    ]);
    const { next } = follow(sourceOf(citadel), ['shop/a', 'shop/a-cacert', 'shop/b-cacert', 'shop/c-cacert']);
    expect(await next(4)).toEqual(['-shop/c-cacert', 'shop/a 1 1', 'shop/a-cacert roots', 'shop/b-cacert roots']);
    citadel.put([secret('b', '1')]);
    expect(await next(3)).toEqual(['-shop/a', '-shop/a-cacert', '-shop/b-cacert']);
  });

  it('keep their last good version while the Secret is wrong, and its content is in no log', async () => {
    const citadel = await serve([secret('a', '1')]);
    const { next } = follow(sourceOf(citadel), ['shop/a']);
    await next();
    citadel.put([
      { ...(secret('a', '1') as object), stringData: { cert: pairs.get('1')?.cert, key: pairs.get('2')?.key } },
    ]);
    await citadel.until('its key does not belong to its certificate');
    citadel.put([secret('a', '2')]);
    expect(await next()).toEqual(['shop/a 2 2']);
    const lines = [...pairs.values()]
      .flatMap((pair) => `${pair.key}${pair.cert}`.split('\n'))
      .filter((line) => line.length > 40);
    expect(lines.filter((line) => citadel.logged.join('\n').includes(line))).toEqual([]);
  });

  it('come in updates of bounded size, however many there are', async () => {
    const big = roots.repeat(500);
    const names = Array.from({ length: 24 }, (_, i) => `shop/s${i}-cacert`);
    const citadel = await serve(names.map((_name, i) => secret(`s${i}`, '1', big)));
    const { updates } = open(sourceOf(citadel), names);
    const seen: string[] = [];
    let messages = 0;
    while (seen.length < names.length) {
      seen.push(...((await updates.next()).value as CredentialUpdate).put.keys());
      messages += 1;
    }
    expect(seen.sort()).toEqual([...names].sort());
    expect(messages).toBeGreaterThan((names.length * big.length) / (2 << 20));
  });
});

/** A stream of any certificate's holder: what citadel sends on it, as bytes. */
function call(port: number, held: KeyAndCertificate | undefined) {
  const tls = credentials.createSsl(
    Buffer.from(roots),
    held ? Buffer.from(held.key) : null,
    held ? Buffer.from(held.cert) : null,
    { checkServerIdentity: () => undefined },
  );
  const client = new Client(`127.0.0.1:${port}`, tls, {
    ...serverNamed('localhost'),
    'grpc.use_local_subchannel_pool': 1,
  });
  closers.push(() => client.close());
  const stream = client.makeBidiStreamRequest(
    '/flotilla.credentials.v1.Credentials/Watch',
    (request: Parameters<typeof WatchRequest.encode>[0]) => Buffer.from(WatchRequest.encode(request).finish()),
    (bytes: Buffer) => bytes,
  );
  const messages = new AsyncQueue<Buffer>();
  stream.on('data', (bytes: Buffer) => messages.push(bytes)).on('error', (error) => messages.fail(error));
  return {
    ask: (add: string[], addReaders = ['shop/gateway']) => void stream.write({ add, addReaders }),
    next: async () => (await messages.next()).value as Buffer,
  };
}

describe("citadel's stream of credentials", () => {
  const foreignKey = generateKey();
  const foreign = new X509Certificate(
    buildRoot(foreignKey, { organization: 'test', validity, serial: randomBytes(16) }),
  );
  it.each([
    ['another service', issue('galley')],
    ['a stranger', undefined],
    ['pilot of another CA', issue('pilot', { key: foreignKey, certificate: foreign })],
  ])('is refused to %s', async (_who, held) => {
    const { port } = await serve([secret('a', '1')]);
    const stream = call(port, held);
    stream.ask(['shop/a']);
    await expect(stream.next()).rejects.toMatchObject({ code: status.PERMISSION_DENIED });
  });

  it('carries no key of a Secret that is not asked for', async () => {
    const citadel = await serve([secret('a', '1'), secret('b', '2', roots)]);
    const stream = call(citadel.port, issue('pilot'));
    stream.ask(['shop/a', 'shop/b-cacert']);
    const sent = [await stream.next()];
    citadel.put([secret('a', '1', roots), secret('b', '2', `${roots}${roots}`), secret('c', '2')]);
    sent.push(await stream.next());
    stream.ask(['shop/none']);
    sent.push(await stream.next());
    const keyLine = (version: string): string => pairs.get(version)?.key.split('\n')[1] ?? '';
    const text = Buffer.concat(sent).toString('latin1');
    expect([text.includes(keyLine('1')), text.includes(keyLine('2')), text.includes('shop/none')]).toEqual([
      true,
      false,
      true,
    ]);
  });

  it('ends when it requests too many names or too long ones, which is counted', async () => {
    const citadel = await serve([], 0, 3);
    const greedy = call(citadel.port, issue('pilot'));
    greedy.ask(['a', 'b', 'a']);
    await greedy.next();
    greedy.ask(['c']);
    await expect(greedy.next()).rejects.toMatchObject({ code: status.RESOURCE_EXHAUSTED });
    const long = call(citadel.port, issue('pilot'));
    long.ask(['x'.repeat(1000)]);
    await expect(long.next()).rejects.toMatchObject({ code: status.INVALID_ARGUMENT });
    expect(await citadel.metrics.text()).toContain('limits_hit_total{kind="credential_names"} 1');
  });
});

describe("pilot's side of it", () => {
  it('has what it knows while citadel is away, and is answered every name when it is back', async () => {
    const first = await serve([secret('a', '1'), secret('b', '1'), secret('c', '1')]);
    const { next, drop, add } = follow(clientOf(first.port), ['shop/a', 'shop/b', 'shop/c']);
    await next(3);
    await first.close();
    drop('shop/a');
    add('shop/d');
    await serve([secret('a', '1'), secret('b', '2'), secret('d', '1')], first.port);
    expect(await next(3)).toEqual(['-shop/c', 'shop/b 2 2', 'shop/d 1 1']);
  });

  it('sends its names again when citadel takes the call and says nothing', async () => {
    const files = new AsyncQueue<never>();
    const silent = createSecrets({
      source: { run: () => files },
      credentialReader: ['shop/gateway'],
      ...controlPlane,
      observability: noObservability,
      maxCredentialsPerStream: 10,
    });
    const listening = await listen([silent], {
      at: { host: '127.0.0.1', port: 0 },
      tls: { source: createCertificateSource(issue('citadel')), clients: 'optional' },
    });
    closers.push(() => listening.close());
    const timers = new AsyncQueue<{ ms: number; callback: () => void }>();
    const clock: Clock = { now: () => 0, after: (ms, callback) => (timers.push({ ms, callback }), () => {}) };
    const reasons: unknown[] = [];
    const log: Logger = {
      ...noObservability.log,
      warn: (_message, fields) => void reasons.push(fields?.['reason']),
      scope: () => log,
    };
    open(clientOf(listening.port, { clock, log }), ['shop/a']);
    const deadline = (await timers.next()).value as { ms: number; callback: () => void };
    deadline.callback();
    const retry = (await timers.next()).value as { ms: number; callback: () => void };
    retry.callback();
    const second = (await timers.next()).value as { ms: number };
    expect([deadline.ms, retry.ms, second.ms, reasons]).toEqual([20_000, 200, 20_000, ['no answer within 20 s']]);
  });

  it('does not ask any more once its reader has left', async () => {
    const citadel = await serve([secret('a', '1')]);
    const asked: number[] = [];
    const clock: Clock = { now: () => 0, after: (ms) => (asked.push(ms), () => {}) };
    const { updates } = open(clientOf(citadel.port, { clock }), ['shop/a']);
    await updates.next();
    await updates.return?.(undefined);
    await citadel.close();
    expect(asked).toEqual([20_000]);
  });
});
