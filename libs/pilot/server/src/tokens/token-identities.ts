import { createHash } from 'node:crypto';
import type { IdentifyToken, TokenVerdict } from '@flotilla/model';
import type { LimitHit } from '@flotilla/observability-port';
import { createFairSlots, createTokenBuckets, Lru, type Clock } from '@flotilla/std';

/** What bearer tokens may take of pilot and of citadel; each is a setting of pilot by the same name. */
export interface TokenLimits {
  /** Tokens per second from one address that are refused; ten times as many at once. */
  readonly xdsRefusedTokens: number;
  /** Tokens that citadel is asked about at once. */
  readonly xdsTokenChecks: number;
  /** Of these, tokens from one address. */
  readonly xdsTokenChecksPerAddress: number;
}
export const tokenLimitKinds = ['xds_refused_tokens', 'xds_token_checks'] as const;
export type TokenLimitKind = (typeof tokenLimitKinds)[number];

export interface TokenIdentitiesOptions {
  /** Whom a token belongs to, by citadel. */
  readonly identify: IdentifyToken;
  readonly limits: TokenLimits;
  readonly clock: Clock;
  readonly hit: LimitHit<TokenLimitKind>;
}
/** `undecided` verdicts are `busy` where a limit of this pilot is the reason. */
export type PilotVerdict = TokenVerdict<string> | { readonly kind: 'busy'; readonly reason: string };
/** Whom a token belongs to; `address` is its sender's. Never rejects. */
export type TokenIdentities = (token: string, address: string) => Promise<PilotVerdict>;

/** As citadel accepts them: longer ones are not even sent there. */
const maxTokenLength = 16_384;
/** A verdict is kept no longer than this, whatever citadel allows. */
const longestReuseMs = 30_000;
/** Verdicts that are kept of each kind: tokens that are refused do not drive out those that are accepted. */
const maxVerdicts = 20_000;
const burstSeconds = 10;
/** Tokens that wait to be checked, in total and from one address. */
const maxWaiting = 2000;
const maxWaitingPerAddress = 100;
/** A token that has waited so long is not checked any more: the time for the client's first request is almost over. */
const longestWaitMs = 2000;

type Decided = Exclude<TokenVerdict<string>, { readonly kind: 'undecided' }>;
interface Known {
  readonly verdict: Decided;
  /** Epoch milliseconds. */
  readonly until: number;
}
const busy = (reason: string): PilotVerdict => ({ kind: 'busy', reason });
const refused = (reason: string): Decided => ({ kind: 'refused', reason, reuseMs: 0 });

/**
 * Identities of bearer tokens, as citadel knows them. In this order: (1) what can't be a token is refused here; (2) a
 * verdict that is known is used again, kept under a hash of the token, briefly and never beyond its expiry; (3) callers
 * with the same token share one question; (4) an address that sent too many tokens that were refused has to wait; (5)
 * citadel is asked about a few tokens at a time, and addresses take turns, so that nobody's tokens hold up those of
 * others.
 */
export function createTokenIdentities({ identify, limits, clock, hit }: TokenIdentitiesOptions): TokenIdentities {
  const { xdsRefusedTokens, xdsTokenChecks, xdsTokenChecksPerAddress } = limits;
  const verdicts = { accepted: new Lru<Known>(maxVerdicts), refused: new Lru<Known>(maxVerdicts) };
  const asked = new Map<string, Promise<PilotVerdict>>();
  const refusals = createTokenBuckets({ perSecond: xdsRefusedTokens, burst: xdsRefusedTokens * burstSeconds, clock });
  const slots = createFairSlots({
    total: xdsTokenChecks,
    perKey: xdsTokenChecksPerAddress,
    maxWaiting,
    maxWaitingPerKey: maxWaitingPerAddress,
  });

  function known(hash: string): Decided | undefined {
    const found = [verdicts.accepted.get(hash), verdicts.refused.get(hash)];
    return found.find((one) => one && clock.now() < one.until)?.verdict;
  }

  /** Counted from the question: how long the answer was under way is not known. */
  function keep(hash: string, verdict: Decided, askedAt: number): void {
    const until = askedAt + Math.min(verdict.reuseMs, longestReuseMs);
    if (until > clock.now()) verdicts[verdict.kind].set(hash, { verdict, until }, 1);
  }

  async function ask(token: string, address: string, hash: string): Promise<PilotVerdict> {
    const wait = refusals.take(address);
    if (wait > 0) {
      hit('xds_refused_tokens');
      return busy(`too many tokens from ${address} were refused: try again in ${wait} ms`);
    }
    const begun = clock.now();
    let askedAt = begun;
    const running = slots.run(address, () => {
      askedAt = clock.now();
      return askedAt - begun > longestWaitMs ? Promise.resolve(undefined) : identify(token, address);
    });
    const verdict = await running;
    if (verdict?.kind !== 'refused') refusals.give(address);
    if (!verdict) {
      hit('xds_token_checks');
      return busy('too many tokens are being checked: try again');
    }
    if (verdict.kind !== 'undecided') keep(hash, verdict, askedAt);
    return verdict;
  }

  return async (token, address) => {
    if (token.length > maxTokenLength) return refused(`the token is longer than ${maxTokenLength} characters`);
    if (!/^[\w-]+\.[\w-]+\.[\w-]+$/.test(token))
      return refused('the token is not three parts of base64url, separated by dots');
    const hash = createHash('sha256').update(token).digest('base64');
    const running = known(hash) ?? asked.get(hash);
    if (running) return running;
    const answer = ask(token, address, hash).finally(() => asked.delete(hash));
    asked.set(hash, answer);
    return answer;
  };
}
