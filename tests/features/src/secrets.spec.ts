import { createPublicKey, randomBytes, X509Certificate } from 'node:crypto';
import { Client, credentials } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { createInProcessBus } from '@flotilla/bus-in-process';
import { listen, serverCredentials, serverNamed } from '@flotilla/grpc';
import { collections, parseMeshConfig, type CredentialUpdate } from '@flotilla/model';
import { noObservability, type Fields as LogFields, type Logger } from '@flotilla/observability-port';
import { createPilot } from '@flotilla/pilot-service';
import { buildCertificate, buildRoot, createCertificateSource, generateKey, keyToPem, type KeyAndCertificate } from '@flotilla/pki';
import { envoy } from '@flotilla/proto-gen/discovery';
import { AsyncQueue } from '@flotilla/std';

const { DiscoveryRequest, DiscoveryResponse } = envoy.service.discovery.v3;
type Fields = Parameters<typeof DiscoveryRequest.encode>[0];
const secretType = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret';
const clusterType = 'type.googleapis.com/envoy.config.cluster.v3.Cluster';
const key = generateKey();
const validity = { notBefore: Date.now() - 60_000, notAfter: Date.now() + 3_600_000 };
const roots = buildRoot(key, { organization: 'test', validity, serial: randomBytes(16) });
const issue = (identity: string): KeyAndCertificate =>
  ({ key: keyToPem(key), cert: buildCertificate({ publicKey: createPublicKey(key), validity, serial: randomBytes(16), uris: [identity], dns: ['localhost'] }, { key, certificate: new X509Certificate(roots) }), roots });
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});
const update = (name: string, version: string): CredentialUpdate => ({ put: new Map([[`shop/${name}`, { certificate: Buffer.from(`cert-${version}`), key: Buffer.from(`key-${version}`) }]]), delete: [] });

/** Pilot over mTLS with credentials from a queue, and a gateway of a namespace on a real stream. */
async function open(namespace: string, log: Logger = noObservability.log) {
  const stop = new AbortController();
  const bus = createInProcessBus();
  const updates = new AsyncQueue<CredentialUpdate>();
  const pilot = createPilot({ subscriber: bus, credentials: { watch: () => updates }, observability: { ...noObservability, log }, signal: stop.signal });
  void pilot.run();
  const mesh = parseMeshConfig({});
  if (!mesh.ok) throw new Error('mesh');
  await bus.publish({ session: 's', seq: 1, put: [{ resource: mesh.value }], delete: [], complete: collections });
  await pilot.ready;
  const listening = await listen([pilot.discovery('identified')], [{ address: '127.0.0.1:0', credentials: serverCredentials(createCertificateSource(issue('spiffe://cluster.local/ns/istio-system/sa/pilot')), 'required') }]);
  const own = issue(`spiffe://cluster.local/ns/${namespace}/sa/gateway`);
  const client = new Client(`127.0.0.1:${listening.ports[0] ?? 0}`, credentials.createSsl(Buffer.from(roots), Buffer.from(own.key), Buffer.from(own.cert)), serverNamed('localhost'));
  const stream = client.makeBidiStreamRequest('/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources',
    (request: Fields) => Buffer.from(DiscoveryRequest.encode(request).finish()), (bytes: Buffer) => DiscoveryResponse.decode(bytes));
  const responses = new AsyncQueue<InstanceType<typeof DiscoveryResponse>>();
  stream.on('data', (response: InstanceType<typeof DiscoveryResponse>) => responses.push(response)).on('error', () => {});
  closers.push(() => listening.close(), () => stop.abort(), () => client.close(), () => stream.cancel());
  const next = async () => {
    const { value } = await responses.next();
    const { typeUrl, nonce, resources } = value as InstanceType<typeof DiscoveryResponse>;
    return { typeUrl, nonce, text: resources.map(({ value: bytes }) => Buffer.from(bytes ?? []).toString('latin1')).join('\n') };
  };
  stream.write({ node: { id: `router~10.0.0.1~gateway.${namespace}~${namespace}.svc.cluster.local` }, typeUrl: clusterType });
  await next();
  return { updates, next, ask: (fields: Fields) => void stream.write(fields) };
}

describe('a gateway\'s secret', () => {
  it('comes by its name, and a changed one as a push of its own type alone', async () => {
    const { updates, next, ask } = await open('shop');
    updates.push(update('web', '1'));
    ask({ typeUrl: secretType, resourceNames: ['kubernetes://web'] });
    const first = await next();
    expect([first.typeUrl, first.text]).toEqual([secretType, expect.stringContaining('key-1')]);
    ask({ typeUrl: secretType, resourceNames: ['kubernetes://web'], responseNonce: first.nonce });
    updates.push(update('other', '1'));
    updates.push(update('web', '2'));
    const second = await next();
    expect([second.typeUrl, second.text]).toEqual([secretType, expect.stringContaining('key-2')]);
  });

  it('is awaited by nothing else: all is served while citadel gives nothing, and the secret comes when it does', async () => {
    const { updates, next, ask } = await open('shop');
    ask({ typeUrl: secretType, resourceNames: ['kubernetes://web'] });
    const without = await next();
    expect(without.text).toBe('');
    ask({ typeUrl: secretType, resourceNames: ['kubernetes://web'], responseNonce: without.nonce });
    updates.push(update('web', '1'));
    expect((await next()).text).toContain('key-1');
  });

  it('is not for a gateway of another namespace, whatever it names', async () => {
    const told: unknown[] = [];
    const log: Logger = { ...noObservability.log, warn: (_message: string, fields?: LogFields) => void told.push(fields?.['secrets']), scope: () => log };
    const { updates, next, ask } = await open('elsewhere', log);
    updates.push(update('web', '1'));
    ask({ typeUrl: secretType, resourceNames: ['kubernetes://web', 'kubernetes-gateway://shop/web', 'kubernetes://shop/web'] });
    expect((await next()).text).toBe('');
    expect(told).toEqual([['kubernetes://web', 'kubernetes-gateway://shop/web', 'kubernetes://shop/web']]);
  });
});
