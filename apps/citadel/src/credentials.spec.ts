import { createPublicKey, randomBytes, X509Certificate } from 'node:crypto';
import { Client, credentials, status } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { createSecrets } from '@flotilla/citadel-service';
import { listen, serverCredentials, serverNamed, type Listening } from '@flotilla/grpc';
import type { CredentialUpdate } from '@flotilla/model';
import { noObservability, type Fields, type Logger } from '@flotilla/observability-port';
import { buildCertificate, buildRoot, createCertificateSource, generateKey, keyToPem, type KeyAndCertificate } from '@flotilla/pki';
import { createCredentialClient } from '@flotilla/runtime/credentials';
import { AsyncQueue, type Clock } from '@flotilla/std';

const rootKey = generateKey();
const validity = { notBefore: Date.now() - 60_000, notAfter: Date.now() + 3_600_000 };
const roots = buildRoot(rootKey, { organization: 'test', validity, serial: randomBytes(16) });
const issue = (serviceAccount: string, ca = { key: rootKey, certificate: new X509Certificate(roots) }): KeyAndCertificate => {
  const key = generateKey();
  const uris = [`spiffe://cluster.local/ns/istio-system/sa/${serviceAccount}`];
  return { key: keyToPem(key), cert: buildCertificate({ publicKey: createPublicKey(key), validity, serial: randomBytes(16), uris }, ca), roots };
};
/** Certificates of Secrets, by version. */
const pairs = new Map(['1', '2'].map((version) => [version, issue('web')]));
const versionOf = (bytes: Uint8Array | undefined, part: 'cert' | 'key'): string => [...pairs].find(([, pair]) => pair[part] === Buffer.from(bytes ?? []).toString())?.[0] ?? 'other';
const secret = (name: string, version: string, roots = ''): unknown =>
  ({ apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace: 'shop' }, stringData: { cert: pairs.get(version)?.cert, key: pairs.get(version)?.key, ...(roots ? { cacert: roots } : {}) } });
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** Citadel's side on a port that asks for certificates and does not require them, as the CA's. */
async function serve(first: readonly unknown[], port = 0) {
  const logged: string[] = [];
  const waiting = new Set<() => void>();
  const write = (message: string, fields: Fields = {}): void => {
    logged.push(`${message} ${JSON.stringify(fields)}`);
    for (const wake of waiting) wake();
  };
  /** Resolves when something is logged that has this text. */
  const until = (text: string): Promise<void> => new Promise((resolve) => {
    const look = (): void => (logged.some((line) => line.includes(text)) ? resolve() : undefined);
    waiting.add(look);
    look();
  });
  const log: Logger = { ...noObservability.log, info: write, warn: write, error: write, scope: () => log };
  const files = new AsyncQueue<{ path: string; documents: { value: unknown }[] }[]>();
  const put = (values: readonly unknown[]): void => files.push([{ path: 'secrets.yaml', documents: values.map((value) => ({ value })) }]);
  const secrets = createSecrets({ source: { run: () => files }, trustDomain: 'cluster.local', log });
  const stop = new AbortController();
  void secrets.run(stop.signal);
  put(first);
  const listening: Listening = await listen([secrets], [{ address: `127.0.0.1:${port}`, credentials: serverCredentials(createCertificateSource(issue('citadel')), 'optional') }]);
  const close = (): Promise<void> => {
    stop.abort();
    files.close();
    return listening.close();
  };
  closers.push(close);
  return { port: listening.ports[0] ?? 0, put, logged, until, close };
}

function open(port: number, options: { readonly clock?: Clock; readonly log?: Logger } = {}) {
  const stop = new AbortController();
  const certificate = { ...createCertificateSource(issue('pilot')), first: Promise.resolve() };
  const updates = createCredentialClient({ address: `127.0.0.1:${port}`, certificate, trustDomain: 'cluster.local', log: noObservability.log, ...options }).watch(stop.signal)[Symbol.asyncIterator]();
  closers.push(() => stop.abort());
  return updates;
}

/** Gives each next update, a credential as its Secret and the versions of certificate and key. */
function watch(port: number) {
  const updates = open(port);
  return async (): Promise<{ put: string[]; delete: readonly string[] }> => {
    const { put, delete: gone } = (await updates.next()).value as CredentialUpdate;
    return { put: [...put].map(([key, { certificate, key: hidden }]) => `${key} ${versionOf(certificate, 'cert')} ${versionOf(hidden, 'key')}`), delete: gone };
  };
}

describe('credentials from citadel', () => {
  it('come to pilot whole, then as they change', async () => {
    const citadel = await serve([secret('a', '1'), secret('b', '1')]);
    const next = watch(citadel.port);
    expect((await next()).put.sort()).toEqual(['shop/a 1 1', 'shop/b 1 1']);
    citadel.put([secret('a', '2')]);
    expect(await next()).toEqual({ put: ['shop/a 2 2'], delete: ['shop/b'] });
    citadel.put([{ ...secret('a', '1') as object, stringData: { cert: pairs.get('1')?.cert, key: pairs.get('2')?.key } }]);
    await citadel.until('its key does not belong to its certificate');
    const lines = [...pairs.values()].flatMap((pair) => `${pair.key}${pair.cert}`.split('\n')).filter((line) => line.length > 40);
    expect(lines.filter((line) => citadel.logged.join('\n').includes(line))).toEqual([]);
  });

  it('stay in force while citadel is away, and only what differs follows when it is back', async () => {
    const first = await serve([secret('a', '1'), secret('b', '1'), secret('c', '1')]);
    const next = watch(first.port);
    await next();
    await first.close();
    await serve([secret('a', '1'), secret('b', '2')], first.port);
    expect(await next()).toEqual({ put: ['shop/b 2 2'], delete: ['shop/c'] });
  });

  const foreignKey = generateKey();
  const foreign = new X509Certificate(buildRoot(foreignKey, { organization: 'test', validity, serial: randomBytes(16) }));
  it.each([
    ['another service', issue('galley')], ['a stranger', undefined], ['pilot of another CA', issue('pilot', { key: foreignKey, certificate: foreign })],
  ])('are refused to %s', async (_who, held) => {
    const { port } = await serve([secret('a', '1')]);
    const tls = credentials.createSsl(Buffer.from(roots), held ? Buffer.from(held.key) : null, held ? Buffer.from(held.cert) : null, { checkServerIdentity: () => undefined });
    const client = new Client(`127.0.0.1:${port}`, tls, serverNamed('localhost'));
    closers.push(() => client.close());
    const ended = await new Promise<{ code?: number }>((resolve, reject) => {
      const stream = client.makeServerStreamRequest('/flotilla.credentials.v1.Credentials/Watch', (bytes: Buffer) => bytes, (bytes: Buffer) => bytes, Buffer.alloc(0));
      stream.on('data', () => reject(new Error('it was given credentials'))).on('error', resolve);
    });
    expect(ended.code).toBe(status.PERMISSION_DENIED);
  });

  it('come in messages of bounded size, however many there are', async () => {
    const big = roots.repeat(500);
    const names = Array.from({ length: 24 }, (_, i) => `s${i}`);
    const { port } = await serve(names.map((name) => secret(name, '1', big)));
    const updates = open(port);
    const seen: string[] = [];
    let messages = 0;
    while (seen.length < names.length) {
      const { put } = (await updates.next()).value as CredentialUpdate;
      seen.push(...put.keys());
      messages += 1;
    }
    expect(seen.sort()).toEqual(names.map((name) => `shop/${name}`).sort());
    expect(messages).toBeGreaterThan(names.length * big.length / (2 << 20));
  });

  it('are asked for again when citadel takes the call and says nothing', async () => {
    const files = new AsyncQueue<never>();
    const silent = createSecrets({ source: { run: () => files }, trustDomain: 'cluster.local', log: noObservability.log });
    const listening = await listen([silent], [{ address: '127.0.0.1:0', credentials: serverCredentials(createCertificateSource(issue('citadel')), 'optional') }]);
    closers.push(() => listening.close());
    const timers = new AsyncQueue<{ ms: number; callback: () => void }>();
    const clock: Clock = { now: () => 0, after: (ms, callback) => (timers.push({ ms, callback }), () => {}) };
    const reasons: unknown[] = [];
    const log: Logger = { ...noObservability.log, warn: (_message, fields) => void reasons.push(fields?.['reason']), scope: () => log };
    void open(listening.ports[0] ?? 0, { clock, log }).next();
    const deadline = (await timers.next()).value as { ms: number; callback: () => void };
    deadline.callback();
    const retry = (await timers.next()).value as { ms: number; callback: () => void };
    retry.callback();
    const second = (await timers.next()).value as { ms: number };
    expect([deadline.ms, retry.ms, second.ms, reasons]).toEqual([20_000, 200, 20_000, ['no answer within 20 s']]);
  });

  it('are not asked for any more once their reader has left', async () => {
    const citadel = await serve([secret('a', '1')]);
    const asked: number[] = [];
    const clock: Clock = { now: () => 0, after: (ms) => (asked.push(ms), () => {}) };
    const updates = open(citadel.port, { clock });
    await updates.next();
    await updates.return?.(undefined);
    await citadel.close();
    expect(asked).toEqual([20_000]);
  });
});
