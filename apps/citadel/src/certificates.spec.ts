import { createPublicKey, X509Certificate } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { status } from '@grpc/grpc-js';
import { exportJWK } from 'jose';
import { describe, expect, it } from 'vitest';
import { noObservability, type Logger } from '@flotilla/observability-port';
import { buildCertificate, buildRoot, generateKey, keyToPem, peerIdentity } from '@flotilla/pki';
import { createServiceCertificate, requestCertificate } from '@flotilla/runtime/certificate';
import { AsyncQueue, type Clock } from '@flotilla/std';
import {
  path,
  metrics,
  pilotToken,
  key,
  csr,
  unknown,
  publicJwk,
  now,
  token,
  ca,
  leafOf,
  type Claims,
} from './certificates.fixture.ts';

describe('a certificate', () => {
  it('is given for a service account token, to whom the token names and not to whom the request names', async () => {
    const leaf = leafOf(await requestCertificate(ca(), { csr, token: await token() }));
    expect(peerIdentity(leaf)).toEqual({
      ok: true,
      value: { trustDomain: 'cluster.local', namespace: 'shop', serviceAccount: 'web' },
    });
    expect(leaf.publicKey.equals(createPublicKey(key))).toBe(true);
    expect(leaf.validToDate.getTime() / 1000 - now()).toBeGreaterThan(86_390);
  });
  it('is renewed for the certificate itself, for the lifetime that is asked for', async () => {
    const [cert = ''] = await requestCertificate(ca(), { csr, token: await token() });
    const renewed = leafOf(
      await requestCertificate({ ...ca(), certificate: { key: keyToPem(key), cert } }, { csr, ttlSeconds: 60 }),
    );
    expect(peerIdentity(renewed)).toMatchObject({ value: { namespace: 'shop', serviceAccount: 'web' } });
    expect(renewed.validToDate.getTime() / 1000 - now()).toBeLessThan(62);
  });
  it('comes to a control-plane service by its bootstrap token', async () => {
    writeFileSync(path('pilot.token'), `${pilotToken}\n`);
    const stop = new AbortController();
    const own = createServiceCertificate({
      service: 'pilot',
      trustDomain: 'cluster.local',
      systemNamespace: 'istio-system',
      citadel: ca().address,
      bootstrapTokenFile: path('pilot.token'),
      rootCertFile: path('root-cert.pem'),
      log: noObservability.log,
    });
    const running = own.runner.run(stop.signal);
    await own.first;
    expect(peerIdentity(new X509Certificate(own.current()?.cert ?? ''))).toMatchObject({
      value: { namespace: 'istio-system', serviceAccount: 'pilot' },
    });
    stop.abort();
    await running;
  });
});

describe('clocks that differ', () => {
  it('a service whose clock is ahead of everything that the CA gives requests more and more rarely, and says why', async () => {
    const waits = new AsyncQueue<{ ms: number; end: () => void }>();
    const clock: Clock = {
      now: () => Date.now() + 2 * 86_400_000,
      after: (ms, end) => (waits.push({ ms, end }), () => {}),
    };
    const told: string[] = [];
    const log: Logger = {
      ...noObservability.log,
      warn: (_message, fields) => void told.push(String(fields?.['reason'])),
    };
    const stop = new AbortController();
    const own = createServiceCertificate({
      service: 'pilot',
      trustDomain: 'cluster.local',
      systemNamespace: 'istio-system',
      citadel: ca().address,
      bootstrapTokenFile: path('tokens.json'),
      rootCertFile: path('root-cert.pem'),
      log,
      clock,
    });
    const running = own.runner.run(stop.signal);
    for (const expected of [200, 400, 800]) {
      const { ms, end } = (await waits.next()).value as { ms: number; end: () => void };
      expect(ms).toBe(expected);
      end();
    }
    expect([own.current(), told[0]]).toEqual([undefined, expect.stringMatching(/correct the clock/) as string]);
    stop.abort();
    await running;
  });
  it('a token of an issuer whose clock is half a minute ahead or behind is good', async () => {
    for (const claims of [{ nbf: now() + 30 }, { exp: now() - 30 }])
      await requestCertificate(ca(), { csr, token: await token(claims) });
  });
  it('by more than a minute it is not', async () => {
    for (const claims of [{ nbf: now() + 90 }, { exp: now() - 90 }])
      await expect(requestCertificate(ca(), { csr, token: await token(claims) })).rejects.toMatchObject({
        code: status.UNAUTHENTICATED,
      });
  });
});

describe('refused as UNAUTHENTICATED', () => {
  const unauthenticated = (details: RegExp) => ({
    code: status.UNAUTHENTICATED,
    details: expect.stringMatching(details) as string,
  });
  it.each<[string, Claims, RegExp]>([
    ['an expired token', { exp: 1_000_000 }, /expired/],
    ['another audience', { aud: 'other' }, /aud/],
    ['a foreign issuer', { iss: 'https://evil.test' }, /iss/],
    ['a key that is not known', { key: unknown.privateKey, kid: 'k2' }, /not known/],
    ['a signature of another key', { key: unknown.privateKey }, /signature/],
    ['a subject that is not a service account', { sub: 'alice' }, /service account/],
    [
      'a subject that reaches into the path',
      { sub: 'system:serviceaccount:a/sa/b:c', kubernetes: 0 },
      /serviceaccount/,
    ],
    ['two different service accounts', { sub: 'system:serviceaccount:shop:other' }, /two different/],
  ])('%s', async (_name, claims, details) => {
    await expect(requestCertificate(ca(), { csr, token: await token(claims) })).rejects.toMatchObject(
      unauthenticated(details),
    );
  });
  it('no credential, an unsigned token, and an unknown bootstrap token', async () => {
    await expect(requestCertificate(ca(), { csr })).rejects.toMatchObject(unauthenticated(/neither/));
    const [, payload = ''] = (await token()).split('.');
    const unsigned = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${payload}.`;
    await expect(requestCertificate(ca(), { csr, token: unsigned })).rejects.toMatchObject(unauthenticated(/refused/));
    await expect(requestCertificate(ca(), { csr, token: 'p'.repeat(40) })).rejects.toMatchObject(
      unauthenticated(/bootstrap/),
    );
  });
  it('a client certificate of another CA that names the same identity', async () => {
    const validity = { notBefore: Date.now() - 1000, notAfter: Date.now() + 60_000 };
    const serial = Buffer.alloc(16, 1);
    const rootKey = generateKey();
    const root = new X509Certificate(buildRoot(rootKey, { organization: 'cluster.local', validity, serial }));
    const cert = buildCertificate(
      { publicKey: createPublicKey(key), validity, serial, uris: ['spiffe://cluster.local/ns/shop/sa/web'] },
      { key: rootKey, certificate: root },
    );
    await expect(
      requestCertificate({ ...ca(), certificate: { key: keyToPem(key), cert } }, { csr }),
    ).rejects.toMatchObject({ code: status.UNAUTHENTICATED });
  });
});

describe('refused as INVALID_ARGUMENT', () => {
  const der = Buffer.from(csr.replace(/-----.*-----|\s/g, ''), 'base64');
  der[der.length - 1] = (der.at(-1) ?? 0) ^ 1;
  it.each<[string, string, number]>([
    ['an empty request', '', 0],
    ['an oversized request', csr.padEnd(150_000, '\n'), 0],
    [
      'a request that its key did not sign',
      `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString('base64')}\n-----END CERTIFICATE REQUEST-----`,
      0,
    ],
    ['a lifetime beyond the longest', csr, 91 * 86_400],
    ['the longest lifetime that can be written', csr, Number.MAX_SAFE_INTEGER],
  ])('%s', async (_name, request, ttlSeconds) => {
    await expect(requestCertificate(ca(), { csr: request, ttlSeconds, token: await token() })).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
    });
  });
});

it('a server that is not citadel gets no token', async () => {
  await expect(
    requestCertificate(
      { ...ca(), identity: 'spiffe://cluster.local/ns/istio-system/sa/pilot' },
      { csr, token: await token() },
    ),
  ).rejects.toMatchObject({ code: status.UNAVAILABLE });
});

it('keys are read again when their file changes, and stay when the new file is broken', async () => {
  const rotated = () => token({ key: unknown.privateKey, kid: 'k3' });
  writeFileSync(
    path('jwks.json'),
    JSON.stringify({ keys: [publicJwk, { ...(await exportJWK(unknown.publicKey)), kid: 'k3', alg: 'ES256' }] }),
  );
  await requestCertificate(ca(), { csr, token: await rotated() });
  for (const broken of ['{', '{"keys":[null]}', '{"keys":[{"kid":"k3"}]}']) {
    writeFileSync(path('jwks.json'), broken);
    await requestCertificate(ca(), { csr, token: await rotated() });
  }
});

it('metrics count what happened', async () => {
  const text = await metrics.text();
  for (const name of [
    'citadel_server_csr_count',
    'citadel_server_authentication_failure_count',
    'citadel_server_csr_parsing_err_count',
    'citadel_server_success_cert_issuance_count',
    'citadel_server_root_cert_expiry_timestamp',
  ]) {
    expect(text).toMatch(new RegExp(`^${name} [1-9]`, 'm'));
  }
  expect(text).toContain('citadel_server_csr_sign_err_count{error="TTL_ERROR"} 2');
});
