import { readFileSync } from 'node:fs';
import { X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openPlatform } from '@flotilla/citadel-kubernetes';
import { createCitadel, type Citadel } from '@flotilla/citadel-service';
import { listen, type Listening } from '@flotilla/grpc';
import { FakeKube } from '@flotilla/kube-fake';
import { resources } from '@flotilla/kube-port';
import { keyToPem, verifyChain } from '@flotilla/pki';
import { requestCertificate } from '@flotilla/runtime/certificate';
import { createTestIntermediate } from '@flotilla/testing';
import { ca, csr, key, options, path, token } from './certificates.fixture.ts';

const parts = createTestIntermediate();
const otherRoot = createTestIntermediate().roots;
const roots = parts.roots + otherRoot;
const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** What citadel uses of a cluster with the Secret `cacerts`. */
async function clusterWith(certificateKey: string) {
  const cluster = new FakeKube();
  await cluster.create(resources.secrets, {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { namespace: 'istio-system', name: 'cacerts' },
    data: {
      'ca-cert.pem': base64(parts.cert),
      'ca-key.pem': base64(certificateKey),
      'cert-chain.pem': base64(parts.chain),
      'root-cert.pem': base64(roots),
    },
  });
  const platform = await openPlatform({
    platform: 'kubernetes',
    systemNamespace: 'istio-system',
    maxSecretWatches: 10,
    kubeconfig: undefined,
    kubeContext: undefined,
    cluster,
  });
  if (!platform) throw new Error('expected a cluster');
  return { cluster, platform };
}

/** A CA that an intermediate CA signed, with two roots to trust. */
describe('a citadel with a plugged-in CA certificate', () => {
  let citadel: Citadel;
  let listening: Listening;
  beforeAll(async () => {
    const { platform } = await clusterWith(parts.key);
    citadel = await createCitadel({
      ...options(),
      root: platform.root,
      rootCertOut: path('plugged-in-root-cert.pem'),
      pluggedIn: platform.pluggedIn,
    });
    listening = await listen([citadel], {
      at: { host: '127.0.0.1', port: 0 },
      tls: { source: citadel.certificate, clients: 'optional' },
    });
  });
  afterAll(async () => {
    citadel.close();
    await listening.close();
  });
  /** A client that trusts one root alone, and gets the intermediates in the handshake. */
  const here = () => ({ ...ca(), address: `127.0.0.1:${listening.port}`, roots: parts.roots });

  it('gives chains that lead to the root, and all roots to trust', async () => {
    const chain = await requestCertificate(here(), { csr, token: await token() });
    expect(chain.at(-1)).toBe(roots);
    const presented = chain.slice(0, -1).map((pem) => new X509Certificate(pem));
    expect(presented.map(({ subject }) => subject)).toEqual([undefined, 'O=mesh', 'O=middle']);
    expect(verifyChain(presented, [new X509Certificate(parts.roots)], Date.now())).toMatchObject({ ok: true });
    expect(readFileSync(path('plugged-in-root-cert.pem'), 'utf8')).toBe(roots);
    expect(citadel.certificate.current()?.roots).toBe(roots);
  });

  it('renews a certificate for the certificate itself', async () => {
    const chain = await requestCertificate(here(), { csr, token: await token() });
    const certificate = { key: keyToPem(key), cert: chain.slice(0, -1).join('') };
    expect(await requestCertificate({ ...here(), certificate }, { csr })).toHaveLength(4);
  });

  it('does not start, nor make a root, when the Secret is not valid', async () => {
    const { cluster, platform } = await clusterWith(createTestIntermediate().key);
    const started = createCitadel({ ...options(), root: platform.root, pluggedIn: platform.pluggedIn });
    await expect(started).rejects.toThrow('Secret istio-system/cacerts: ca-key.pem: it does not belong');
    const name = { namespace: 'istio-system', name: 'istio-ca-secret' };
    expect(await cluster.get(resources.secrets, name)).toBeUndefined();
  });
});
