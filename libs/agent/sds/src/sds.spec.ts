import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { Client, credentials, Server, ServerCredentials } from '@grpc/grpc-js';
import type { ClientDuplexStream, sendUnaryData, ServerUnaryCall } from '@grpc/grpc-js';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { noObservability, type Logger } from '@flotilla/observability-port';
import { buildCertificate, buildRoot, parseCsr } from '@flotilla/pki';
import { istio } from '@flotilla/proto-gen/ca';
import { envoy } from '@flotilla/proto-gen/discovery';
import { AsyncQueue, systemClock } from '@flotilla/std';
import { createCaClient, createSdsServer, createWorkloadCertificate, parseSecretName, renewalDelay } from './index.ts';

const { log } = noObservability;
const { DiscoveryRequest, DiscoveryResponse } = envoy.service.discovery.v3;
const { Secret } = envoy.extensions.transport_sockets.tls.v3;
const identity = 'spiffe://cluster.local/ns/shop/sa/web';
const closers: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** A CA behind its real gRPC service; `lifetimeMs` of what it signs, `refuse` for the first calls. */
async function startCa({ lifetimeMs, refuse = 0 }: { lifetimeMs: number; refuse?: number }) {
  const key = generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey;
  const now = Date.now();
  const root = buildRoot(key, {
    organization: 'test',
    validity: { notBefore: now - 60_000, notAfter: now + 3_600_000 },
    serial: Buffer.from([1]),
  });
  const calls: { authorization: string; clusterId: string }[] = [];
  const server = new Server();
  const { IstioCertificateRequest, IstioCertificateResponse } = istio.v1.auth;
  server.addService(
    {
      CreateCertificate: {
        path: '/istio.v1.auth.IstioCertificateService/CreateCertificate',
        requestStream: false,
        responseStream: false,
        requestSerialize: (item: istio.v1.auth.IIstioCertificateRequest) =>
          Buffer.from(IstioCertificateRequest.encode(item).finish()),
        requestDeserialize: (bytes: Buffer) => IstioCertificateRequest.decode(bytes),
        responseSerialize: (item: istio.v1.auth.IIstioCertificateResponse) =>
          Buffer.from(IstioCertificateResponse.encode(item).finish()),
        responseDeserialize: (bytes: Buffer) => IstioCertificateResponse.decode(bytes),
      },
    },
    {
      CreateCertificate(
        call: ServerUnaryCall<istio.v1.auth.IstioCertificateRequest, istio.v1.auth.IIstioCertificateResponse>,
        done: sendUnaryData<istio.v1.auth.IIstioCertificateResponse>,
      ) {
        calls.push({
          authorization: String(call.metadata.get('authorization')[0]),
          clusterId: String(call.metadata.get('clusterid')[0]),
        });
        if (calls.length <= refuse) return done({ code: 14, details: 'not yet' });
        const csr = parseCsr(call.request.csr);
        if (!csr.ok) return done({ code: 3, details: csr.error });
        const issuer = { key, certificate: new X509Certificate(root) };
        const validity = { notBefore: Date.now() - 1000, notAfter: Date.now() + lifetimeMs };
        const leaf = buildCertificate(
          { publicKey: csr.value.publicKey, uris: [identity], validity, serial: Buffer.from([calls.length + 1]) },
          issuer,
        );
        done(null, { certChain: [leaf, root] });
      },
    },
  );
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  );
  closers.push(() => server.forceShutdown());
  return { port, root, calls };
}

async function startSds(ca: { port: number }, graceRatio: number, log = noObservability.log) {
  const client = createCaClient({
    address: `127.0.0.1:${ca.port}`,
    plaintext: true,
    roots: () => Promise.resolve(undefined),
    token: () => Promise.resolve('jwt\n'),
    clusterId: 'Kubernetes',
  });
  const certificate = createWorkloadCertificate({
    ca: client,
    identity,
    validitySeconds: 3600,
    graceRatio,
    jitterRatio: 0,
    clock: systemClock,
    log,
  });
  const socket = `${mkdtempSync(`${tmpdir()}/sds-`)}/socket`;
  const server = await createSdsServer({ socket, certificate, log });
  closers.push(
    () => certificate.close(),
    () => server.close(),
  );
  const grpc = new Client(`unix:${socket}`, credentials.createInsecure());
  closers.push(() => grpc.close());
  const open = () => {
    const stream: ClientDuplexStream<
      envoy.service.discovery.v3.IDiscoveryRequest,
      envoy.service.discovery.v3.DiscoveryResponse
    > = grpc.makeBidiStreamRequest(
      '/envoy.service.secret.v3.SecretDiscoveryService/StreamSecrets',
      (item: envoy.service.discovery.v3.IDiscoveryRequest) => Buffer.from(DiscoveryRequest.encode(item).finish()),
      (bytes: Buffer) => DiscoveryResponse.decode(bytes),
    );
    const responses = new AsyncQueue<envoy.service.discovery.v3.DiscoveryResponse>();
    stream.on('data', (item: envoy.service.discovery.v3.DiscoveryResponse) => responses.push(item));
    stream.on('error', (error) => responses.fail(error));
    const next = async () => {
      const { value } = (await responses.next()) as { value: envoy.service.discovery.v3.DiscoveryResponse };
      stream.write({ resourceNames: names, responseNonce: value.nonce, versionInfo: value.versionInfo });
      return Secret.decode(value.resources[0]?.value ?? new Uint8Array());
    };
    let names: string[] = [];
    return {
      next,
      pause: () => stream.pause(),
      resume: () => stream.resume(),
      ask: (...asked: string[]) => void stream.write({ resourceNames: (names = asked) }),
    };
  };
  return { open };
}
const text = (source: { inlineBytes?: Uint8Array | string | null } | null | undefined): string =>
  Buffer.from((source?.inlineBytes ?? '') as Uint8Array).toString();

describe('secrets over the Unix socket', () => {
  it('are the workload certificate, its key and the root, once the CA answers', async () => {
    const ca = await startCa({ lifetimeMs: 3_600_000, refuse: 2 });
    const { open } = await startSds(ca, 0.5);
    const [certificates, roots] = [open(), open()];
    certificates.ask('default');
    roots.ask('ROOTCA');
    const { tlsCertificate } = await certificates.next();
    const leaf = new X509Certificate(text(tlsCertificate?.certificateChain));
    expect(leaf.subjectAltName).toContain(identity);
    expect(text(tlsCertificate?.privateKey)).toContain('PRIVATE KEY');
    expect(new X509Certificate(text((await roots.next()).validationContext?.trustedCa)).fingerprint256).toBe(
      new X509Certificate(ca.root).fingerprint256,
    );
    expect(ca.calls.at(-1)).toEqual({ authorization: 'Bearer jwt', clusterId: 'Kubernetes' });
    expect(ca.calls).toHaveLength(3);
  });

  it('are pushed again when renewed', async () => {
    const { open } = await startSds(await startCa({ lifetimeMs: 4000 }), 0.9);
    const stream = open();
    stream.ask('default');
    const [first, second] = [
      text((await stream.next()).tlsCertificate?.certificateChain),
      text((await stream.next()).tlsCertificate?.certificateChain),
    ];
    expect(new X509Certificate(first).serialNumber).not.toBe(new X509Certificate(second).serialNumber);
  });

  it('in files come when the file is there, and never from a device or a file that does not hold a certificate', async () => {
    const folder = mkdtempSync(`${tmpdir()}/sds-files-`);
    writeFileSync(`${folder}/large`, 'x'.repeat(1024 * 1024 + 1));
    const told = new AsyncQueue<string>();
    const logged: Logger = { ...log, warn: (_message, fields) => told.push(String(fields?.['error'])) };
    const { open } = await startSds(await startCa({ lifetimeMs: 3_600_000 }), 0.5, logged);
    const stream = open();
    for (const [path, reason] of [
      ['/dev/zero', 'is not a file'],
      [`${folder}/large`, 'more than 1048576 bytes'],
      [`${folder}/none`, 'ENOENT'],
    ]) {
      stream.ask(`file-root:${path}`);
      expect((await told.next()).value).toContain(reason);
    }
    writeFileSync(`${folder}/root.pem`, 'PEM');
    stream.ask(`file-root:${folder}/root.pem`);
    expect(text((await stream.next()).validationContext?.trustedCa)).toBe('PEM');
  });

  it('requested faster than they are read are sent once for what has been taken', async () => {
    const file = `${mkdtempSync(`${tmpdir()}/secret-`)}/roots.pem`;
    writeFileSync(file, 'x'.repeat(100_000));
    const { open } = await startSds(await startCa({ lifetimeMs: 3_600_000 }), 0.5);
    const stream = open();
    stream.pause();
    for (let i = 0; i < 200; i += 1) stream.ask(`file-root:${file}`);
    // In the time of as many answers on another stream, all could have been sent.
    const other = open();
    for (let i = 0; i < 200; i += 1) {
      other.ask(`file-root:${file}`, 'ROOTCA');
      await other.next();
      other.ask('ROOTCA');
      await other.next();
    }
    stream.ask('ROOTCA');
    stream.resume();
    let count = 1;
    while ((await stream.next()).name !== 'ROOTCA') count += 1;
    expect(count).toBeLessThan(50);
  });

  it('of unknown names end the stream with INVALID_ARGUMENT', async () => {
    const { open } = await startSds(await startCa({ lifetimeMs: 3_600_000 }), 0.5);
    const stream = open();
    stream.ask('kubernetes://other-credential');
    await expect(stream.next()).rejects.toMatchObject({ code: 3 });
  });
});

it('a certificate is renewed within its life', () =>
  fc.assert(
    fc.property(
      fc.integer({ min: 1000, max: 1e9 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.double({ min: -0.1, max: 0.1, noNaN: true }),
      (life, graceRatio, jitter) => {
        const delay = renewalDelay({ notBefore: 0, notAfter: life, now: 0, graceRatio, jitter });
        return delay >= 0 && delay <= life;
      },
    ),
  ));
it('secret names of files carry their paths', () => {
  expect(parseSecretName('file-cert:/a/cert.pem~/a/key.pem')).toEqual({
    kind: 'file-certificate',
    cert: '/a/cert.pem',
    key: '/a/key.pem',
  });
  expect(parseSecretName('file-cert:/a~/b~/c')).toBeUndefined();
});
