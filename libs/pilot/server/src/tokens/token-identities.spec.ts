import { beforeEach, describe, expect, it } from 'vitest';
import type { TokenVerdict } from '@flotilla/model';
import { createManualClock, type ManualClock } from '@flotilla/testing';
import { createTokenIdentities, type TokenIdentities } from './token-identities.ts';

const identity = 'spiffe://cluster.local/ns/shop/sa/cart';
const accepted: TokenVerdict<string> = { kind: 'accepted', identity, reuseMs: 20_000 };
const refused: TokenVerdict<string> = { kind: 'refused', reason: 'forged', reuseMs: 5000 };
const limits = { xdsRefusedTokens: 1, xdsTokenChecks: 3, xdsTokenChecksPerAddress: 2 };

describe('identities of bearer tokens', () => {
  let clock: ManualClock;
  let asked: string[];
  let hits: string[];
  let answer: (token: string) => TokenVerdict<string> | Promise<TokenVerdict<string>>;
  let identitiesOf: TokenIdentities;
  const start = (changed: Partial<typeof limits> = {}): void => {
    identitiesOf = createTokenIdentities({
      identify: async (token, address) => {
        asked.push(`${token} of ${address}`);
        return answer(token);
      },
      limits: { ...limits, ...changed },
      clock,
      hit: (kind) => void hits.push(kind),
    });
  };
  beforeEach(() => {
    clock = createManualClock();
    [asked, hits] = [[], []];
    answer = () => accepted;
    start();
  });

  it('are those that citadel answers, and are kept for the time that it allows', async () => {
    expect(await Promise.all([identitiesOf('a.b.c', '10.0.0.1'), identitiesOf('a.b.c', '10.0.0.2')])).toEqual([
      accepted,
      accepted,
    ]);
    clock.advance(19_999);
    await identitiesOf('a.b.c', '10.0.0.3');
    expect(asked).toEqual(['a.b.c of 10.0.0.1']);
    clock.advance(1);
    answer = () => refused;
    expect(await identitiesOf('a.b.c', '10.0.0.1')).toEqual(refused);
    clock.advance(4999);
    await identitiesOf('a.b.c', '10.0.0.1');
    expect(asked).toHaveLength(2);
    clock.advance(1);
    await identitiesOf('a.b.c', '10.0.0.1');
    expect(asked).toHaveLength(3);
  });

  it('are not kept beyond the expiry of their token because the answer took time', async () => {
    answer = () => {
      clock.advance(2000);
      return accepted;
    };
    await identitiesOf('a.b.c', '10.0.0.1');
    clock.advance(17_999);
    await identitiesOf('a.b.c', '10.0.0.1');
    expect(asked).toHaveLength(1);
    clock.advance(1);
    await identitiesOf('a.b.c', '10.0.0.1');
    expect(asked).toHaveLength(2);
  });

  it('are kept for 30 s at most, and not at all when their token has expired', async () => {
    answer = () => ({ ...accepted, reuseMs: 1e9 });
    await identitiesOf('a.b.c', '10.0.0.1');
    clock.advance(30_000);
    answer = () => ({ ...accepted, reuseMs: 0 });
    await identitiesOf('a.b.c', '10.0.0.1');
    await identitiesOf('a.b.c', '10.0.0.1');
    expect(asked).toHaveLength(3);
  });

  it.each(['', 'a', 'a.b', 'a.b.c.d', 'a.b.c ', 'a..c', `a.${'b'.repeat(16_384)}.c`])(
    'are not asked for by %j, which can not be a token',
    async (token) => {
      expect(await identitiesOf(token, '10.0.0.1')).toMatchObject({ kind: 'refused' });
      expect(asked).toEqual([]);
    },
  );

  it('have to wait behind ten refused tokens of their address, and of no other', async () => {
    answer = (token) => (token.startsWith('bad') ? refused : accepted);
    for (let i = 0; i < 10; i += 1) await identitiesOf(`bad.${i}.c`, '10.0.0.1');
    expect(await identitiesOf('good.b.c', '10.0.0.1')).toEqual({
      kind: 'busy',
      reason: 'too many tokens from 10.0.0.1 were refused: try again in 1000 ms',
    });
    expect(hits).toEqual(['xds_refused_tokens']);
    expect(await identitiesOf('good.b.c', '10.0.0.2')).toEqual(accepted);
    // A known verdict is used for every address.
    expect(await identitiesOf('good.b.c', '10.0.0.1')).toEqual(accepted);
    clock.advance(1000);
    expect(await identitiesOf('other.b.c', '10.0.0.1')).toEqual(accepted);
    // An accepted token does not count against its address.
    expect(await identitiesOf('third.b.c', '10.0.0.1')).toEqual(accepted);
  });

  it('without a verdict are not kept and do not count against their address', async () => {
    answer = () => ({ kind: 'undecided', reason: 'citadel is away' });
    for (let i = 0; i < 20; i += 1)
      expect(await identitiesOf('a.b.c', '10.0.0.1')).toEqual({ kind: 'undecided', reason: 'citadel is away' });
    expect(asked).toHaveLength(20);
    answer = () => accepted;
    expect(await identitiesOf('a.b.c', '10.0.0.1')).toEqual(accepted);
  });

  it('are checked a few at a time, and addresses take turns', async () => {
    start({ xdsRefusedTokens: 100 });
    const ends: (() => void)[] = [];
    answer = () => new Promise((resolve) => void ends.push(() => resolve(accepted)));
    const flood = Array.from({ length: 110 }, (_, i) => identitiesOf(`a.${i}.c`, '10.0.0.1'));
    const others = ['10.0.0.2', '10.0.0.3'].map((address) => identitiesOf(`good.${address.at(-1)}.c`, address));
    expect(asked).toEqual(['a.0.c of 10.0.0.1', 'a.1.c of 10.0.0.1', 'good.2.c of 10.0.0.2']);
    expect(hits.filter((kind) => kind === 'xds_token_checks')).toHaveLength(0);
    ends.shift()?.();
    await flood[0];
    ends.shift()?.();
    await flood[1];
    expect(asked.slice(3)).toContain('good.3.c of 10.0.0.3');
    // What has waited for too long is refused without a question.
    clock.advance(2001);
    const before = asked.length;
    while (ends.length > 0) {
      ends.shift()?.();
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await Promise.all(others)).toEqual([accepted, accepted]);
    expect((await Promise.all(flood)).filter(({ kind }) => kind === 'busy')).not.toHaveLength(0);
    expect(asked).toHaveLength(before);
  });
});
