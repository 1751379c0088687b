import { createPublicKey, randomBytes, X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { buildRoot, generateKey, keyToPem, verifyChain } from '@flotilla/pki';
import { createTestCa, createTestIntermediate } from '@flotilla/testing';
import { createAuthority, parsePluggedIn, type PluggedInMaterial } from './index.ts';

const day = 86_400_000;
const now = Date.UTC(2026, 5, 1);
const good = createTestIntermediate(now);
const other = createTestIntermediate(now);
const blocks = (pem: string): readonly string[] => pem.match(/-----BEGIN[^]*?-----END CERTIFICATE-----\n/g) ?? [];
const [, middle = '', root = ''] = blocks(good.chain);
const signed = (notAfter: number): string =>
  buildRoot(generateKey(), {
    organization: 'x',
    validity: { notBefore: now - day, notAfter },
    serial: randomBytes(16),
  });
const [endedRoot, secondRoot] = [signed(now - 1000), signed(now + day)];
const parse = (changed: Partial<PluggedInMaterial>, when = now) => parsePluggedIn({ ...good, ...changed }, when);

describe('a plugged-in CA', () => {
  it.each([
    ['as Istio stores it', good.chain],
    ['with a chain of what is between alone', middle],
  ])('gives certificates with all intermediates and without the root: %s', (_name, chain) => {
    const ca = parse({ chain, roots: secondRoot + root });
    if (!ca.ok) throw new Error(ca.error.problem);
    expect(ca.value.intermediates.map(String)).toEqual([good.cert, middle]);
    const clock = { now: () => now, after: () => () => {} };
    const authority = createAuthority({
      issuer: ca.value,
      clock,
      serial: () => randomBytes(16),
      defaultTtlMs: 90 * day,
      maxTtlMs: 90 * day,
    });
    const identity = { trustDomain: 'td', namespace: 'a', serviceAccount: 'b' };
    const issued = authority.sign({ publicKey: createPublicKey(generateKey()), identity, ttlMs: 0 });
    if (!issued.ok) throw new Error(issued.error.message);
    expect(issued.value.chain.slice(1)).toEqual([good.cert, middle, secondRoot + root]);
    expect(issued.value.notAfter).toBe(now + 2 * day);
    const presented = issued.value.chain.slice(0, -1).map((pem) => new X509Certificate(pem));
    expect(verifyChain(presented, [new X509Certificate(root)], now)).toMatchObject({ ok: true });
    expect(authority.rootPem).toBe(secondRoot + root);
  });

  it('may be a root itself, and may be followed by its chain', () => {
    const key = generateKey();
    const validity = { notBefore: now, notAfter: now + day };
    const cert = buildRoot(key, { organization: 'x', validity, serial: randomBytes(16) });
    expect(parsePluggedIn({ cert, key: keyToPem(key), chain: '', roots: cert }, now)).toMatchObject({
      ok: true,
      value: { intermediates: [] },
    });
    expect(parse({ cert: good.cert + middle, chain: '\n' })).toMatchObject({ ok: true });
  });

  it('keeps a root that has ended beside one that is valid', () => {
    expect(parse({ roots: endedRoot + root })).toMatchObject({ ok: true, value: { roots: { length: 2 } } });
  });

  it.each<[string, Partial<PluggedInMaterial>, { part: keyof PluggedInMaterial; problem: RegExp }]>([
    ['no certificate', { cert: '' }, { part: 'cert', problem: /expected 1 to/ }],
    [
      'a malformed certificate',
      { cert: good.cert.replace(/\n.{8}/, '\nAAAAAAAA') },
      { part: 'cert', problem: /malformed/ },
    ],
    [
      'a certificate of a workload',
      createTestCa().issue({ dns: ['a.test'] }),
      { part: 'cert', problem: /not the certificate of a CA/ },
    ],
    ['a key of another CA', { key: other.key }, { part: 'key', problem: /does not belong to the CA certificate/ }],
    ['no key', { key: good.cert }, { part: 'key', problem: /not a PEM private key/ }],
    ['a huge key', { key: good.key.repeat(1000) }, { part: 'key', problem: /larger than/ }],
    ['a broken chain', { chain: good.cert }, { part: 'chain', problem: /does not lead to a root/ }],
    ['a chain of another CA', { chain: other.chain }, { part: 'chain', problem: /does not lead to a root/ }],
    ['a malformed chain', { chain: 'chain' }, { part: 'chain', problem: /expected 1 to/ }],
    ['a huge chain', { chain: good.chain.repeat(1000) }, { part: 'chain', problem: /larger than/ }],
    ['too many certificates', { chain: middle.repeat(17) }, { part: 'chain', problem: /found 17/ }],
    ['other roots', { roots: other.roots }, { part: 'chain', problem: /does not lead to a root/ }],
    ['no roots', { roots: '' }, { part: 'roots', problem: /expected 1 to/ }],
    ['roots that have ended', { roots: endedRoot }, { part: 'roots', problem: /have expired/ }],
  ])('is refused with %s', (_name, changed, { part, problem }) => {
    const ca = parse(changed);
    expect(ca).toMatchObject({ ok: false, error: { part, problem: expect.stringMatching(problem) as string } });
    expect(JSON.stringify(ca)).not.toContain('PRIVATE KEY');
  });

  it.each([
    [now + 2 * day, /^it expired at/],
    [now - day, /^it is not valid before .* clock/],
  ])('is refused outside its time: %s', (when, problem) => {
    expect(parse({}, when)).toMatchObject({
      ok: false,
      error: { part: 'cert', problem: expect.stringMatching(problem) as string },
    });
  });
});
