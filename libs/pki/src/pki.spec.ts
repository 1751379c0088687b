import { execFileSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createPublicKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { spiffeOf } from '@flotilla/rules';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  buildCertificate,
  buildCsr,
  buildIntermediate,
  buildRoot,
  generateKey,
  parseCaAnswer,
  parseCertificates,
  parseCsr,
  peerIdentity,
  verifyChain,
} from './index.ts';

const day = 86_400_000;
const now = Date.UTC(2026, 0, 1);
const validity = { notBefore: now, notAfter: now + day };
const serial = new Uint8Array(16).fill(7);
const identity = { trustDomain: 'cluster.local', namespace: 'shop', serviceAccount: 'web' };
const rootKey = generateKey();
const rootPem = buildRoot(rootKey, {
  organization: 'cluster.local',
  validity: { notBefore: now, notAfter: now + 3650 * day },
  serial,
});
const root = new X509Certificate(rootPem);
const leafKey = generateKey();
const leafPem = buildCertificate(
  { publicKey: createPublicKey(leafKey), validity, serial, uris: [spiffeOf(identity)], dns: ['web.shop.svc'] },
  { key: rootKey, certificate: root },
);
const leaf = new X509Certificate(leafPem);
const hasOpenssl = (() => {
  try {
    execFileSync('openssl', ['version']);
    return true;
  } catch {
    return false;
  }
})();
const file = (name: string, text: string): string => {
  const path = join(mkdtempSync(join(tmpdir(), 'pki-')), name);
  writeFileSync(path, text);
  return path;
};

describe('certificates', () => {
  it('carry the identity and verify up to the root, within their time only', () => {
    expect(peerIdentity(leaf)).toEqual({ ok: true, value: identity });
    expect(leaf.checkPrivateKey(leafKey)).toBe(true);
    expect(verifyChain([leaf], [root], now + 1).ok).toBe(true);
    expect(verifyChain([leaf], [root], now + day + 1).ok).toBe(false);
    expect(verifyChain([leaf], [root], now - 1).ok).toBe(false);
  });
  it('of another root of the same name do not verify', () => {
    const other = new X509Certificate(buildRoot(generateKey(), { organization: 'cluster.local', validity, serial }));
    expect(verifyChain([leaf], [other], now + 1).ok).toBe(false);
    expect(verifyChain([leaf, root], [other], now + 1).ok).toBe(false);
  });
  it('of a workload sign nothing', () => {
    const forged = new X509Certificate(
      buildCertificate(
        { publicKey: createPublicKey(leafKey), validity, serial, uris: ['spiffe://a/ns/b/sa/c'] },
        { key: leafKey, certificate: leaf },
      ),
    );
    expect(verifyChain([forged, leaf], [root], now + 1).ok).toBe(false);
  });
  it.skipIf(!hasOpenssl)('satisfy openssl, with the name critical', () => {
    const at = String(Math.floor(now / 1000) + 1);
    expect(
      execFileSync(
        'openssl',
        ['verify', '-x509_strict', '-attime', at, '-CAfile', file('root.pem', rootPem), file('leaf.pem', leafPem)],
        { encoding: 'utf8' },
      ),
    ).toContain('OK');
    const text = execFileSync('openssl', ['x509', '-noout', '-text', '-in', file('leaf.pem', leafPem)], {
      encoding: 'utf8',
    });
    expect(text).toMatch(
      /Subject Alternative Name: critical\s+DNS:web\.shop\.svc, URI:spiffe:\/\/cluster\.local\/ns\/shop\/sa\/web/,
    );
  });
  it('are as many as the bundle holds', () => {
    const both = parseCertificates(leafPem + rootPem);
    expect(both.ok && both.value.length).toBe(2);
    expect(parseCertificates('').ok).toBe(false);
  });
});

describe('an answer of the CA', () => {
  const [middleKey, key] = [generateKey(), generateKey()];
  const year = { notBefore: now, notAfter: now + 365 * day };
  const middlePem = buildIntermediate(
    { organization: 'middle', publicKey: createPublicKey(middleKey), validity: year, serial },
    { key: rootKey, certificate: root },
  );
  const middle = new X509Certificate(middlePem);
  const certPem = buildCertificate(
    { publicKey: createPublicKey(key), validity, serial, uris: [spiffeOf(identity)] },
    { key: middleKey, certificate: middle },
  );
  const otherRoot = buildRoot(generateKey(), { organization: 'other', validity, serial });

  it('has the leaf, its intermediates and all roots', () => {
    const answer = parseCaAnswer([certPem, middlePem, otherRoot + rootPem]);
    expect(answer).toMatchObject({ ok: true, value: { cert: certPem + middlePem, roots: otherRoot + rootPem } });
    if (!answer.ok) return;
    expect(answer.value.leaf.checkPrivateKey(key)).toBe(true);
    expect(verifyChain([answer.value.leaf, middle], [root], now + 1)).toMatchObject({ ok: true });
    expect(verifyChain([answer.value.leaf], [root], now + 1)).toMatchObject({ ok: false });
  });
  it.each([[[]], [[certPem + rootPem]], [[certPem, 'root']], [['', rootPem]]])('is refused: %#', (chain) => {
    expect(parseCaAnswer(chain).ok).toBe(false);
  });
  it.skipIf(!hasOpenssl)('satisfies openssl', () => {
    const attime = String(Math.floor(now / 1000) + 1);
    const [roots, between, leaf] = [file('r.pem', rootPem), file('m.pem', middlePem), file('l.pem', certPem)];
    expect(
      execFileSync(
        'openssl',
        ['verify', '-x509_strict', '-attime', attime, '-CAfile', roots, '-untrusted', between, leaf],
        { encoding: 'utf8' },
      ),
    ).toContain('OK');
  });
});

describe('requests', () => {
  const csr = buildCsr(leafKey, { uris: [spiffeOf(identity)] });
  it('give their key to who verified them', () => {
    const parsed = parseCsr(csr);
    expect(parsed.ok && parsed.value.publicKey.equals(createPublicKey(leafKey))).toBe(true);
  });
  it.skipIf(!hasOpenssl)('satisfy openssl, and its own are read', () => {
    execFileSync('openssl', ['req', '-verify', '-noout', '-in', file('a.csr', csr)], { stdio: 'pipe' });
    const key = generateKeyPairSync('rsa', { modulusLength: 2048 })
      .privateKey.export({ type: 'pkcs8', format: 'pem' })
      .toString();
    for (const digest of ['sha256', 'sha384', 'sha512'])
      expect(
        parseCsr(
          execFileSync('openssl', ['req', '-new', `-${digest}`, '-subj', '/', '-key', file('k.pem', key)], {
            encoding: 'utf8',
          }),
        ),
      ).toMatchObject({ ok: true });
    expect(
      parseCsr(
        execFileSync('openssl', ['req', '-new', '-sha1', '-subj', '/', '-key', file('k.pem', key)], {
          encoding: 'utf8',
        }),
      ),
    ).toMatchObject({ ok: false });
  });
  it('with a bit changed anywhere are refused or keep their key, and never throw', () => {
    const der = Buffer.from(csr.replace(/-----.*-----|\s/g, ''), 'base64');
    fc.assert(
      fc.property(fc.nat(der.length - 1), fc.integer({ min: 1, max: 255 }), (at, mask) => {
        const changed = Buffer.from(der);
        changed[at] = (changed[at] ?? 0) ^ mask;
        const parsed = parseCsr(
          `-----BEGIN CERTIFICATE REQUEST-----\n${changed.toString('base64')}\n-----END CERTIFICATE REQUEST-----`,
        );
        if (parsed.ok) expect(parsed.value.publicKey.equals(createPublicKey(leafKey))).toBe(true);
      }),
      { numRuns: 400 },
    );
  });
  it('of any bytes never throw, and oversized ones are refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(
          parseCsr(
            `-----BEGIN CERTIFICATE REQUEST-----\n${Buffer.from(bytes).toString('base64')}\n-----END CERTIFICATE REQUEST-----`,
          ).ok,
        ).toBe(false);
      }),
    );
    expect(parseCsr(csr + 'x'.repeat(200_000)).ok).toBe(false);
  });
});
