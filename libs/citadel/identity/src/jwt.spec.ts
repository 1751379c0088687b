import { createHmac, KeyObject, sign } from 'node:crypto';
import fc from 'fast-check';
import { exportJWK, exportSPKI, generateKeyPair, SignJWT, type JWTHeaderParameters } from 'jose';
import { describe, expect, it } from 'vitest';
import { verifyServiceAccountToken } from './jwt.ts';

const now = Date.UTC(2026, 0, 1);
const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
const keys = { keys: [{ ...(await exportJWK(publicKey)), kid: 'k1', alg: 'ES256' }] };
const issuer = 'https://issuer.test';
const claims = {
  iss: issuer,
  aud: 'istio-ca',
  sub: 'system:serviceaccount:shop:web',
  exp: now / 1000 + 600,
  'kubernetes.io': { namespace: 'shop', serviceaccount: { name: 'web' } },
};
const signed = (
  more: Readonly<Record<string, unknown>> = {},
  header: Partial<JWTHeaderParameters> = {},
): Promise<string> =>
  new SignJWT({ ...claims, ...more }).setProtectedHeader({ alg: 'ES256', kid: 'k1', ...header }).sign(privateKey);
const verify = (token: string) =>
  verifyServiceAccountToken(token, {
    issuer,
    audience: 'istio-ca',
    trustDomain: 'td',
    clock: { now: () => now, after: () => () => {} },
    keys: () => keys,
  });
const part = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
/** Signed whatever it says, as a library would not. */
function byHand(header: unknown, payload: string): string {
  const head = `${part(header)}.${part(payload)}`;
  return `${head}.${sign('sha256', Buffer.from(head), { key: KeyObject.from(privateKey), dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
}
const es256 = { alg: 'ES256', kid: 'k1' };
const good = await signed();

it('a token proves the service account that it names', async () => {
  expect(await verify(good)).toEqual({
    ok: true,
    value: { trustDomain: 'td', namespace: 'shop', serviceAccount: 'web' },
  });
});

const spki = await exportSPKI(publicKey);
describe('a token is refused', () => {
  const body = part(claims);
  const unsigned = (header: unknown): string => `${part(header)}.${body}.`;
  const byPublicKey = (() => {
    const head = `${part({ alg: 'HS256', kid: 'k1' })}.${body}`;
    return `${head}.${createHmac('sha256', spki).update(head).digest('base64url')}`;
  })();
  it.each<[string, string | Promise<string>]>([
    ['without algorithm', unsigned({ alg: 'none' })],
    ['with an algorithm in other letters', unsigned({ alg: 'nOnE' })],
    ['with a list of algorithms', unsigned({ alg: ['ES256'] })],
    ['with the public key as a shared one', byPublicKey],
    ['with an extension that must be understood', byHand({ ...es256, crit: ['x'], x: 1 }, JSON.stringify(claims))],
    ['with a key in it', signed({}, { kid: 'k2', jwk: keys.keys[0] } as never)],
    ["with a key's address", signed({}, { kid: '../../k1', jku: 'https://evil.test' } as never)],
    ['with an end that is text', signed({ exp: '9999999999' })],
    ['without end', signed({ exp: undefined })],
    ['that has ended', signed({ exp: now / 1000 - 61 })],
    ['that begins later', signed({ nbf: now / 1000 + 61 })],
    ['with a beginning that is text', signed({ nbf: 'x' })],
    ['with another audience beside none', signed({ aud: [] })],
    ['whose subject is a list', signed({ sub: [claims.sub] })],
    [
      'in a token',
      signed({}).then((token) => `${part({ alg: 'ES256', kid: 'k1' })}.${part(token)}.${token.split('.')[2]}`),
    ],
    ['longer than allowed', signed({ more: 'x'.repeat(20_000) })],
    ['with JSON of 2,000 levels', `${part('{"a":'.repeat(2000) + '1' + '}'.repeat(2000))}.${body}.x`],
  ])('%s', async (_what, token) => expect((await verify(await token)).ok).toBe(false));

  it.each([
    ['a line break', `${good.slice(0, -20)}\r\n${good.slice(-20)}`],
    ['a blank at its end', `${good} `],
    ['padding', `${good}==`],
    ['spare bits in its last letter', good.slice(0, -1) + String.fromCharCode(good.charCodeAt(good.length - 1) + 1)],
  ])('that is written otherwise than it was issued: with %s', async (_what, token) => {
    expect(token).not.toBe(good);
    expect((await verify(token)).ok).toBe(false);
  });

  it('that never ends by its number', async () => {
    const token = byHand(es256, JSON.stringify({ ...claims, exp: 1 }).replace('"exp":1', '"exp":1e999'));
    expect(await verify(token)).toEqual({ ok: false, error: 'the token does not say when it ends' });
  });

  it('whatever is changed in it, and any other text, without throwing', async () => {
    const bodyEnd = good.lastIndexOf('.');
    await fc.assert(
      fc.asyncProperty(
        fc.nat(bodyEnd - 1),
        fc.string({ minLength: 1, maxLength: 3 }),
        fc.nat(3),
        async (at, text, length) => {
          const changed = good.slice(0, at) + text + good.slice(at + length);
          if (changed !== good) expect((await verify(changed)).ok).toBe(false);
        },
      ),
      { numRuns: 500 },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(fc.json().map(part), fc.string()), { maxLength: 4 }), async (parts) => {
        expect((await verify(parts.join('.'))).ok).toBe(false);
      }),
      { numRuns: 500 },
    );
  });
});
