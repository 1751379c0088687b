import { createPublicKey, randomBytes, X509Certificate } from 'node:crypto';
import { generateKey, peerIdentity, verifyChain } from '@flotilla/pki';
import { describe, expect, it } from 'vitest';
import { buildRootMaterial, createAuthority, parseRoot } from './index.ts';

const day = 86_400_000;
const now = Date.UTC(2026, 5, 1);
const serial = (): Buffer => randomBytes(16);
const clock = { now: () => now, after: () => () => {} };
const material = buildRootMaterial({ trustDomain: 'td', now, serial: serial(), key: generateKey() });
const issuer = parseRoot(material, now);
if (!issuer.ok) throw new Error(issuer.error);
const authority = createAuthority({ issuer: issuer.value, clock, serial, defaultTtlMs: day, maxTtlMs: 90 * day });
const identity = { trustDomain: 'td', namespace: 'a', serviceAccount: 'b' };
const publicKey = createPublicKey(generateKey());

describe('the authority', () => {
  it('signs the verified identity for the default lifetime, leaf first and root last', () => {
    const issued = authority.sign({ publicKey, identity, ttlMs: 0 });
    if (!issued.ok) throw new Error(issued.error.message);
    const [leaf, root] = issued.value.chain.map((pem) => new X509Certificate(pem));
    if (!leaf || !root) throw new Error('expected two certificates');
    expect(verifyChain([leaf], [root], now)).toMatchObject({ ok: true });
    expect(peerIdentity(leaf)).toEqual({ ok: true, value: identity });
    expect(leaf.validToDate.getTime()).toBe(now + day);
  });
  it('gives at most the longest lifetime, and none beyond the root', () => {
    expect(authority.sign({ publicKey, identity, ttlMs: 90 * day }).ok).toBe(true);
    expect(authority.sign({ publicKey, identity, ttlMs: 90 * day + 1 }).ok).toBe(false);
    const late = authority.notAfter - 1000;
    const nearEnd = createAuthority({
      issuer: issuer.value,
      clock: { ...clock, now: () => late },
      serial,
      defaultTtlMs: day,
      maxTtlMs: day,
    });
    expect(nearEnd.sign({ publicKey, identity, ttlMs: 0 })).toMatchObject({
      ok: true,
      value: { notAfter: authority.notAfter },
    });
  });
  it('signs nothing while the root is not valid by its clock, and says that the clock is wrong', () => {
    const at = (when: number) =>
      createAuthority({
        issuer: issuer.value,
        clock: { ...clock, now: () => when },
        serial,
        defaultTtlMs: day,
        maxTtlMs: 90 * day,
      }).sign({ publicKey, identity, ttlMs: 0 });
    for (const when of [0, now - 10 * 365 * day, now - 121_000])
      expect(at(when)).toMatchObject({
        ok: false,
        error: { kind: 'clock', message: expect.stringMatching(/correct the clock/) as string },
      });
    for (const when of [authority.notAfter, authority.notAfter + 1])
      expect(at(when)).toMatchObject({ ok: false, error: { kind: 'root' } });
    for (const when of [now - 119_000, authority.notAfter - 1000]) {
      const issued = at(when);
      if (!issued.ok) throw new Error(issued.error.message);
      const leaf = new X509Certificate(issued.value.chain[0] ?? '');
      expect(leaf.validFromDate.getTime()).toBeLessThan(leaf.validToDate.getTime());
    }
  });
  it.each([NaN, Infinity, 2 ** 63, 90 * day + 1])('refuses a lifetime of %s ms', (ttlMs) => {
    expect(authority.sign({ publicKey, identity, ttlMs })).toMatchObject({ ok: false, error: { kind: 'lifetime' } });
  });
  it.each([0, -1, -(2 ** 63)])('gives the default for a lifetime of %s ms', (ttlMs) => {
    expect(authority.sign({ publicKey, identity, ttlMs })).toMatchObject({ ok: true, value: { notAfter: now + day } });
  });
  it('refuses a root that is expired, malformed or has another key', () => {
    const other = buildRootMaterial({ trustDomain: 'td', now, serial: serial(), key: generateKey() });
    expect(parseRoot({ ...material, keyPem: other.keyPem }, now).ok).toBe(false);
    expect(parseRoot(material, now + 3651 * day).ok).toBe(false);
    expect(parseRoot(material, now - day)).toMatchObject({
      ok: false,
      error: expect.stringMatching(/clock/) as string,
    });
    expect(parseRoot({ keyPem: 'x', certPem: 'y' }, now).ok).toBe(false);
  });
});
