/** A citadel of its own for each spec file, with a folder and keys to sign tokens with. */
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { afterAll, beforeAll, expect } from 'vitest';
import { createCitadel, createFileRootStore } from '@flotilla/citadel-service';
import type { Citadel } from '@flotilla/citadel-service';
import { listen, type Listening } from '@flotilla/grpc';
import { createMetrics } from '@flotilla/observability';
import { noObservability } from '@flotilla/observability-port';
import { buildCsr, generateKey, verifyChain } from '@flotilla/pki';

export const folder = mkdtempSync(join(tmpdir(), 'citadel-'));
export const path = (name: string): string => join(folder, name);
export const issuer = 'https://issuer.test';
export const metrics = createMetrics();
export const pilotToken = 'pilot-token-'.padEnd(40, 'x');
export const key = generateKey();
export const csr = buildCsr(key, { uris: ['spiffe://cluster.local/ns/istio-system/sa/somebody-else'] });
export const signing = await generateKeyPair('ES256');
export const unknown = await generateKeyPair('ES256');
export const publicJwk = { ...(await exportJWK(signing.publicKey)), kid: 'k1', alg: 'ES256' };
export let citadel: Citadel;
let port = 0;
let listening: Listening;

export const now = (): number => Math.floor(Date.now() / 1000);
export interface Claims {
  iss?: string;
  aud?: string;
  exp?: number;
  nbf?: number;
  sub?: string;
  kubernetes?: unknown;
  key?: typeof signing.privateKey;
  kid?: string;
}
export const token = (claims: Claims = {}): Promise<string> =>
  new SignJWT({ 'kubernetes.io': claims.kubernetes ?? { namespace: 'shop', serviceaccount: { name: 'web' } } })
    .setProtectedHeader({ alg: 'ES256', kid: claims.kid ?? 'k1' })
    .setIssuer(claims.iss ?? issuer)
    .setAudience(claims.aud ?? 'istio-ca')
    .setSubject(claims.sub ?? 'system:serviceaccount:shop:web')
    .setExpirationTime(claims.exp ?? now() + 600)
    .setNotBefore(claims.nbf ?? now())
    .sign(claims.key ?? signing.privateKey);
export const ca = () => ({
  address: `127.0.0.1:${port}`,
  roots: readFileSync(path('root-cert.pem'), 'utf8'),
  host: 'istio-citadel.istio-system.svc',
  identity: 'spiffe://cluster.local/ns/istio-system/sa/citadel',
});
export const options = () => ({
  trustDomain: 'cluster.local',
  domain: 'cluster.local',
  systemNamespace: 'istio-system',
  root: createFileRootStore(path('root.pem')),
  rootCertOut: path('root-cert.pem'),
  defaultCertTtl: 86_400_000,
  maxCertTtl: 90 * 86_400_000,
  jwtIssuer: issuer,
  jwtAudience: 'istio-ca',
  jwksFile: path('jwks.json'),
  bootstrapTokensFile: path('tokens.json'),
  bootstrapTokenTtl: 3_600_000,
  dnsName: ['localhost'],
  observability: { ...noObservability, metrics },
  maxCertificates: 1000,
  maxCertificatesPerIdentity: 1000,
  maxFailedAuthentications: 1000,
});

beforeAll(async () => {
  writeFileSync(path('jwks.json'), JSON.stringify({ keys: [publicJwk] }));
  writeFileSync(path('tokens.json'), JSON.stringify({ pilot: pilotToken }));
  citadel = await createCitadel(options());
  listening = await listen([citadel], {
    at: { host: '127.0.0.1', port: 0 },
    tls: { source: citadel.certificate, clients: 'optional' },
  });
  ({ port } = listening);
});
afterAll(async () => {
  citadel.close();
  await listening.close();
});

export function leafOf(chain: readonly string[]): X509Certificate {
  const [leaf, root] = chain.map((pem) => new X509Certificate(pem));
  if (!leaf || !root) throw new Error('expected leaf and root');
  expect(verifyChain([leaf], [root], Date.now()).ok).toBe(true);
  expect(root.toString()).toBe(readFileSync(path('root-cert.pem'), 'utf8'));
  return leaf;
}
