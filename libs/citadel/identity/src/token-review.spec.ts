import { beforeEach, describe, expect, it } from 'vitest';
import { createManualClock, type ManualClock } from '@flotilla/testing';
import { createTokenReviews, type ReviewedToken, type VerifyToken } from './token-review.ts';

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
    expect(await verify('t')).toEqual({ ok: true, value: identity });
    expect(asked).toEqual([['t', ['istio-ca']]]);
  });

  it.each(['admin', 'system:serviceaccount:shop', 'system:serviceaccount:shop:cart:x', ''])(
    'of %s are refused',
    async (username) => {
      answer = () => accepted(username);
      expect(await verify('t')).toEqual({ ok: false, error: 'the token does not belong to a ServiceAccount' });
    },
  );

  it('are reviewed once per period, and once at a time', async () => {
    await Promise.all([verify('t'), verify('t')]);
    clock.advance(29_999);
    await verify('t');
    expect(asked).toHaveLength(1);
    clock.advance(1);
    answer = () => ({ authenticated: false, reason: 'the pod is gone' });
    expect(await verify('t')).toEqual({ ok: false, error: 'the API server refuses the token: the pod is gone' });
    expect(asked).toHaveLength(2);
    clock.advance(5000);
    await verify('t');
    expect(asked).toHaveLength(3);
  });

  it('are not accepted after their expiry', async () => {
    const token = endingAt(clock.now() / 1000 + 10);
    await verify(token);
    clock.advance(10_000);
    await verify(token);
    expect(asked).toHaveLength(2);
  });

  it('without a verdict are refused, and reviewed again for the next caller', async () => {
    answer = () => Promise.reject(new Error('connection refused'));
    expect(await verify('t')).toMatchObject({ ok: false, error: expect.stringContaining('connection refused') });
    answer = () => accepted('system:serviceaccount:shop:cart');
    expect(await verify('t')).toMatchObject({ ok: true });
  });

  it('are refused while too many are being reviewed', async () => {
    const { promise, resolve } = Promise.withResolvers<ReviewedToken>();
    answer = () => promise;
    const running = Array.from({ length: 100 }, (_, index) => verify(`t${index}`));
    expect(await verify('more')).toMatchObject({ ok: false, error: expect.stringContaining('try again') });
    resolve(accepted('system:serviceaccount:shop:cart'));
    await Promise.all(running);
    expect(await verify('more')).toMatchObject({ ok: true });
  });

  it('of one address leave room for those of others', async () => {
    const { promise, resolve } = Promise.withResolvers<ReviewedToken>();
    answer = () => promise;
    const running = Array.from({ length: 20 }, (_, index) => verify(`t${index}`, '10.0.0.1'));
    expect(await verify('more', '10.0.0.1')).toMatchObject({
      ok: false,
      error: expect.stringContaining('of one address') as string,
    });
    const other = verify('t', '10.0.0.2');
    resolve(accepted('system:serviceaccount:shop:cart'));
    expect(await other).toMatchObject({ ok: true });
    await Promise.all(running);
    expect(await verify('more', '10.0.0.1')).toMatchObject({ ok: true });
  });

  it('that are too long are not sent to the API server', async () => {
    expect(await verify('x'.repeat(16_385))).toMatchObject({ ok: false });
    expect(asked).toEqual([]);
  });
});
