import { beforeEach, describe, expect, it } from 'vitest';
import { createManualClock, type ManualClock } from '@flotilla/testing';
import { createTokenReviews, type ReviewedToken } from './token-review.ts';
import type { VerifyToken } from './verify-token.ts';

const accepted = (username: string): ReviewedToken => ({ authenticated: true, identity: { username } });
/** Only the expiry of a token is read here; the API server checks its signature. */
const endingAt = (seconds: number): string =>
  ['{}', JSON.stringify({ exp: seconds }), 'x'].map((part) => Buffer.from(part).toString('base64url')).join('.');

describe('tokens reviewed by an API server', () => {
  let clock: ManualClock;
  let asked: (readonly [string, readonly string[]])[];
  let answer: (token: string) => ReviewedToken | Promise<ReviewedToken>;
  let verify: VerifyToken;
  beforeEach(() => {
    clock = createManualClock();
    asked = [];
    answer = () => accepted('system:serviceaccount:shop:cart');
    verify = createTokenReviews({
      trustDomain: 'td',
      audience: 'istio-ca',
      clock,
      review: async (token, audiences) => {
        asked.push([token, audiences]);
        return answer(token);
      },
    });
  });
  const identity = { trustDomain: 'td', namespace: 'shop', serviceAccount: 'cart' };

  it('belong to the ServiceAccount that the API server names', async () => {
    expect(await verify('t')).toEqual({ kind: 'accepted', identity, reuseMs: 30_000 });
    expect(asked).toEqual([['t', ['istio-ca']]]);
  });

  it.each(['admin', 'system:serviceaccount:shop', 'system:serviceaccount:shop:cart:x', ''])(
    'of %s are refused',
    async (username) => {
      answer = () => accepted(username);
      expect(await verify('t')).toMatchObject({
        kind: 'refused',
        reason: 'the token does not belong to a ServiceAccount',
      });
    },
  );

  it('are reviewed once per period, and once at a time', async () => {
    await Promise.all([verify('t'), verify('t')]);
    clock.advance(29_999);
    await verify('t');
    expect(asked).toHaveLength(1);
    clock.advance(1);
    answer = () => ({ authenticated: false, reason: 'the pod is gone' });
    expect(await verify('t')).toEqual({
      kind: 'refused',
      reason: 'the API server refuses the token: the pod is gone',
      reuseMs: 5000,
    });
    expect(asked).toHaveLength(2);
    clock.advance(5000);
    await verify('t');
    expect(asked).toHaveLength(3);
  });

  it('are not accepted after their expiry', async () => {
    const token = endingAt(clock.now() / 1000 + 10);
    expect(await verify(token)).toMatchObject({ reuseMs: 10_000 });
    clock.advance(4000);
    expect(await verify(token)).toMatchObject({ reuseMs: 6000 });
    expect(asked).toHaveLength(1);
    clock.advance(6000);
    await verify(token);
    expect(asked).toHaveLength(2);
  });

  it('that are refused do not displace those that are accepted', async () => {
    await verify('good');
    answer = () => ({ authenticated: false, reason: 'forged' });
    for (let i = 0; i < 10_001; i += 1) await verify(`forged-${i}`);
    expect(await verify('good')).toMatchObject({ kind: 'accepted' });
    expect(asked).toHaveLength(10_002);
  });

  it('without a verdict are refused, and reviewed again for the next caller', async () => {
    answer = () => Promise.reject(new Error('connection refused'));
    expect(await verify('t')).toMatchObject({
      kind: 'undecided',
      reason: expect.stringContaining('connection refused'),
    });
    answer = () => accepted('system:serviceaccount:shop:cart');
    expect(await verify('t')).toMatchObject({ kind: 'accepted' });
  });

  it('of a few addresses leave room for those of other addresses', async () => {
    const { promise, resolve } = Promise.withResolvers<ReviewedToken>();
    answer = () => promise;
    const running = Array.from({ length: 9 * 30 }, (_, i) => verify(`t${i}`, `10.0.0.${i % 9}`));
    await Promise.resolve();
    expect(asked.length).toBeGreaterThan(80);
    expect(asked.length).toBeLessThan(100);
    const before = asked.length;
    const other = verify('other', '10.0.1.1');
    expect(asked).toHaveLength(before + 1);
    resolve(accepted('system:serviceaccount:shop:cart'));
    await Promise.all(running);
    expect(await other).toMatchObject({ kind: 'accepted' });
  });

  it('are refused while too many are being reviewed', async () => {
    const { promise, resolve } = Promise.withResolvers<ReviewedToken>();
    answer = () => promise;
    const running = Array.from({ length: 100 }, (_, index) => verify(`t${index}`));
    expect(await verify('more')).toMatchObject({ kind: 'undecided', reason: expect.stringContaining('try again') });
    resolve(accepted('system:serviceaccount:shop:cart'));
    await Promise.all(running);
    expect(await verify('more')).toMatchObject({ kind: 'accepted' });
  });

  it('of one address leave room for those of others', async () => {
    const { promise, resolve } = Promise.withResolvers<ReviewedToken>();
    answer = () => promise;
    const running = Array.from({ length: 20 }, (_, index) => verify(`t${index}`, '10.0.0.1'));
    expect(await verify('more', '10.0.0.1')).toMatchObject({
      kind: 'undecided',
      reason: expect.stringContaining('of one address') as string,
    });
    const other = verify('t', '10.0.0.2');
    resolve(accepted('system:serviceaccount:shop:cart'));
    expect(await other).toMatchObject({ kind: 'accepted' });
    await Promise.all(running);
    expect(await verify('more', '10.0.0.1')).toMatchObject({ kind: 'accepted' });
  });

  it('that are too long are not sent to the API server', async () => {
    expect(await verify('x'.repeat(16_385))).toMatchObject({ kind: 'refused' });
    expect(asked).toEqual([]);
  });
});
