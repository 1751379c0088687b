import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, credentials } from '@grpc/grpc-js';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { expect, it, onTestFinished } from 'vitest';
import { createCaClient, createSdsServer, createWorkloadCertificate } from '@flotilla/agent-sds';
import { citadelFiles, citadelSettings, createCitadel, createFileRootStore } from '@flotilla/citadel-service';
import { listen } from '@flotilla/grpc';
import { noObservability } from '@flotilla/observability-port';
import { envoy } from '@flotilla/proto-gen/discovery';
import { domainSettings, parseOptions, systemNamespaceSettings } from '@flotilla/runtime';
import { AsyncQueue } from '@flotilla/std';
import { createManualClock } from '@flotilla/testing';

const { DiscoveryRequest, DiscoveryResponse } = envoy.service.discovery.v3;
const { Secret } = envoy.extensions.transport_sockets.tls.v3;
type Secret = InstanceType<typeof Secret>;
const { log } = noObservability;
const hour = 3_600_000;

/** Citadel, and the token that a kubelet projects into the pods of a service account. */
async function startCitadel(folder: string) {
  const { publicKey, privateKey } = await generateKeyPair('ES256');
  const jwks = join(folder, 'jwks.json');
  writeFileSync(jwks, JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: 'k1', alg: 'ES256' }] }));
  const settings = { ...citadelSettings(folder), ...domainSettings(), ...systemNamespaceSettings() };
  const options = parseOptions({ name: 'citadel', describe: '', settings }, ['--jwks-file', jwks]);
  const root = createFileRootStore(options.rootFile);
  const files = citadelFiles({ platform: 'files', ...options }, folder);
  const citadel = await createCitadel({ ...options, ...files, root, observability: noObservability });
  const { port, close } = await listen([citadel], {
    at: { host: '127.0.0.1', port: 0 },
    tls: { source: citadel.certificate, clients: 'optional' },
  });
  onTestFinished(async () => {
    citadel.close();
    await close();
  });
  const tokenOf = (namespace: string, name: string): Promise<string> =>
    new SignJWT({ 'kubernetes.io': { namespace, serviceaccount: { name } } })
      .setProtectedHeader({ alg: 'ES256', kid: 'k1' })
      .setIssuer('https://kubernetes.default.svc.cluster.local')
      .setAudience('istio-ca')
      .setSubject(`system:serviceaccount:${namespace}:${name}`)
      .setIssuedAt()
      .setExpirationTime('1h')
      .sign(privateKey);
  return { address: `localhost:${port}`, roots: readFileSync(files.rootCertOut, 'utf8'), tokenOf };
}

/** Asks the agent for a secret as Envoy does, on a stream that stays open. */
function secretsOf(socket: string, name: string): AsyncQueue<Secret> {
  const client = new Client(`unix:${socket}`, credentials.createInsecure());
  const stream = client.makeBidiStreamRequest(
    '/envoy.service.secret.v3.SecretDiscoveryService/StreamSecrets',
    (fields: Parameters<typeof DiscoveryRequest.encode>[0]) => Buffer.from(DiscoveryRequest.encode(fields).finish()),
    (bytes: Buffer) => DiscoveryResponse.decode(bytes),
  );
  const secrets = new AsyncQueue<Secret>();
  stream
    .on('data', ({ nonce, versionInfo, resources }: InstanceType<typeof DiscoveryResponse>) => {
      stream.write({ resourceNames: [name], responseNonce: nonce, versionInfo });
      secrets.push(Secret.decode(resources[0]?.value ?? new Uint8Array()));
    })
    .on('error', (error) => secrets.fail(error));
  stream.write({ resourceNames: [name] });
  onTestFinished(() => client.close());
  return secrets;
}
const leafIn = ({ tlsCertificate }: Secret): X509Certificate =>
  new X509Certificate(Buffer.from((tlsCertificate?.certificateChain?.inlineBytes ?? '') as Uint8Array));

it('a workload gets its certificate through its agent by its token, and the next before that expires', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'flotilla-certificates-'));
  const { address, roots, tokenOf } = await startCitadel(folder);
  const clock = createManualClock(Date.now());
  const ca = createCaClient({
    address,
    roots: () => Promise.resolve(roots),
    token: () => tokenOf('shop', 'web'),
    clusterId: 'Kubernetes',
  });
  const certificate = createWorkloadCertificate({
    ca,
    // What the agent believes: citadel decides by the token.
    identity: 'spiffe://cluster.local/ns/bank/sa/somebody-else',
    validitySeconds: 24 * 3600,
    graceRatio: 0.5,
    jitterRatio: 0,
    clock,
    log,
  });
  const socket = join(folder, 'socket');
  const server = await createSdsServer({ socket, certificate, log });
  onTestFinished(async () => {
    certificate.close();
    await server.close();
  });

  const secrets = secretsOf(socket, 'default');
  const first = leafIn((await secrets.next()).value as Secret);
  expect(first.subjectAltName).toBe('URI:spiffe://cluster.local/ns/shop/sa/web');
  expect(first.verify(new X509Certificate(roots).publicKey)).toBe(true);
  const { validationContext } = (await secretsOf(socket, 'ROOTCA').next()).value as Secret;
  expect(
    Buffer.from((validationContext?.trustedCa?.inlineBytes ?? '') as Uint8Array)
      .toString()
      .trim(),
  ).toBe(roots.trim());

  clock.advance(13 * hour);
  const second = leafIn((await secrets.next()).value as Secret);
  expect(second.subjectAltName).toBe(first.subjectAltName);
  expect(second.serialNumber).not.toBe(first.serialNumber);
  expect(second.publicKey.equals(first.publicKey)).toBe(false);
});
