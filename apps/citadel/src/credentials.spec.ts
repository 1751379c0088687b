import { createPublicKey, randomBytes, X509Certificate } from 'node:crypto';
import { Client, credentials, status } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { createSecrets } from '@flotilla/citadel-service';
import { listen, serverCredentials, serverNamed, type Listening } from '@flotilla/grpc';
import type { CredentialUpdate } from '@flotilla/model';
import { noObservability, type Fields, type Logger } from '@flotilla/observability-port';
import { buildCertificate, buildRoot, createCertificateSource, generateKey, keyToPem, type KeyAndCertificate } from '@flotilla/pki';
import { createCredentialClient } from '@flotilla/runtime/credentials';
import { AsyncQueue } from '@flotilla/std';

const rootKey = generateKey();
const validity = { notBefore: Date.now() - 60_000, notAfter: Date.now() + 3_600_000 };
const roots = buildRoot(rootKey, { organization: 'test', validity, serial: randomBytes(16) });
const issue = (serviceAccount: string): KeyAndCertificate => {
  const key = generateKey();
  const uris = [`spiffe://cluster.local/ns/istio-system/sa/${serviceAccount}`];
  return { key: keyToPem(key), cert: buildCertificate({ publicKey: createPublicKey(key), validity, serial: randomBytes(16), uris }, { key: rootKey, certificate: new X509Certificate(roots) }), roots };
};
const secret = (name: string, version: string): unknown => ({ apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace: 'shop' }, stringData: { cert: `cert-${version}`, key: `hidden-${version}` } });
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** Citadel's side on a port that asks for certificates and does not require them, as the CA's. */
async function serve(first: readonly unknown[], port = 0) {
  const logged: string[] = [];
  const write = (message: string, fields: Fields = {}): void => void logged.push(`${message} ${JSON.stringify(fields)}`);
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
  return { port: listening.ports[0] ?? 0, put, logged, close };
}

function watch(port: number) {
  const stop = new AbortController();
  const source = createCertificateSource(issue('pilot'));
  const certificate = { ...source, first: Promise.resolve(), runner: { name: '', run: () => Promise.resolve() } };
  const updates = createCredentialClient({ address: `127.0.0.1:${port}`, certificate, trustDomain: 'cluster.local', log: noObservability.log }).watch(stop.signal)[Symbol.asyncIterator]();
  closers.push(() => stop.abort());
  return async (): Promise<{ put: string[]; delete: readonly string[] }> => {
    const { put, delete: gone } = (await updates.next()).value as CredentialUpdate;
    return { put: [...put].map(([key, { certificate: chain, key: hidden }]) => `${key} ${Buffer.from(chain ?? []).toString()} ${Buffer.from(hidden ?? []).toString()}`), delete: gone };
  };
}

describe('credentials from citadel', () => {
  it('come to pilot whole, then as they change', async () => {
    const citadel = await serve([secret('a', '1'), secret('b', '1')]);
    const next = watch(citadel.port);
    expect((await next()).put.sort()).toEqual(['shop/a cert-1 hidden-1', 'shop/b cert-1 hidden-1']);
    citadel.put([secret('a', '2')]);
    expect(await next()).toEqual({ put: ['shop/a cert-2 hidden-2'], delete: ['shop/b'] });
    expect(citadel.logged.join('\n')).not.toMatch(/hidden|cert-\d/);
  });

  it('stay in force while citadel is away, and only what differs follows when it is back', async () => {
    const first = await serve([secret('a', '1'), secret('b', '1'), secret('c', '1')]);
    const next = watch(first.port);
    await next();
    await first.close();
    await serve([secret('a', '1'), secret('b', '2')], first.port);
    expect(await next()).toEqual({ put: ['shop/b cert-2 hidden-2'], delete: ['shop/c'] });
  });

  it.each([['another service', issue('galley')], ['a stranger', undefined]])('are refused to %s', async (_who, held) => {
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
});
