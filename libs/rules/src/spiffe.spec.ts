import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hostileText } from '@flotilla/std/hostile-text.fixture';
import { parseSpiffe, spiffeOf, validIdentity, withTrustDomains } from './spiffe.ts';

const identity = { trustDomain: 'cluster.local', namespace: 'shop', serviceAccount: 'web' };

describe('identities', () => {
  it('are read as they are written', () => {
    const part = fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?$/);
    fc.assert(
      fc.property(fc.record({ trustDomain: part, namespace: part, serviceAccount: part }), (parts) => {
        expect(parseSpiffe(spiffeOf(parts))).toEqual({ ok: true, value: parts });
      }),
    );
  });
  it.each([
    '',
    'spiffe://td',
    'spiffe://td/ns/a/sa/b/c',
    'spiffe://td/ns//sa/b',
    'https://td/ns/a/sa/b',
    'spiffe://td/ns/a b/sa/c',
    'spiffe://td/ns/a/sa/b, URI:x',
    `spiffe://td/ns/a/sa/${'b'.repeat(254)}`,
  ])('%j is not one', (text) => expect(parseSpiffe(text).ok).toBe(false));
  it('have parts that cannot reach into each other, whatever the text', () => {
    fc.assert(
      fc.property(hostileText('ab-./:', ['spiffe://', '/ns/', '/sa/']), (text) => {
        const parsed = parseSpiffe(text);
        if (parsed.ok) expect(spiffeOf(parsed.value)).toBe(text);
        if (text.includes('/')) expect(validIdentity({ ...identity, namespace: text })).toBe(false);
      }),
    );
  });
  it('are repeated in other trust domains', () => {
    expect(withTrustDomains(spiffeOf(identity), ['old', 'older'])).toEqual([
      'spiffe://cluster.local/ns/shop/sa/web',
      'spiffe://old/ns/shop/sa/web',
      'spiffe://older/ns/shop/sa/web',
    ]);
    expect(withTrustDomains('somebody', ['old'])).toEqual(['somebody']);
  });
});
