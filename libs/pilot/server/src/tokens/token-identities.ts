import { createHash } from 'node:crypto';
import type { IdentifyToken, TokenVerdict } from '@flotilla/model';
import type { LimitHit } from '@flotilla/observability-port';
import { createFairSlots, createTokenBuckets, Lru, type Clock } from '@flotilla/std';

/** Limits for bearer tokens; each is a setting of pilot with the same name. */
export interface TokenLimits {
  /** Refused tokens per second that one address may send; ten times as many in a burst. */
  readonly xdsRefusedTokens: number;
  /** The most tokens that citadel checks for this pilot at once. */
  readonly xdsTokenChecks: number;
  /** The most of these from one address. */
  readonly xdsTokenChecksPerAddress: number;
}
export const tokenLimitKinds = ['xds_refused_tokens', 'xds_token_checks'] as const;
export type TokenLimitKind = (typeof tokenLimitKinds)[number];

export interface TokenIdentitiesOptions {
  /** Has citadel check a token. */
  readonly identify: IdentifyToken;
  readonly limits: TokenLimits;
  readonly clock: Clock;
  readonly hit: LimitHit<TokenLimitKind>;
}
/** An `undecided` verdict becomes `busy` if a limit of this pilot is the reason. */
export type PilotVerdict = TokenVerdict<string> | { readonly kind: 'busy'; readonly reason: string };
/** Identifies the owner of a token; `address` is its sender's. Never rejects. */
export type TokenIdentities = (token: string, address: string) => Promise<PilotVerdict>;

/** Citadel's own limit: longer tokens are not sent there. */
const maxTokenLength = 16_384;
/** A verdict is kept no longer than this, whatever citadel allows. */
const longestReuseMs = 30_000;
/** Verdicts that are kept of each kind, so that refused tokens do not displace accepted ones. */
const maxVerdicts = 20_000;
const burstSeconds = 10;
/** The most tokens that wait to be checked, in total and from one address. */
const maxWaiting = 2000;
const maxWaitingPerAddress = 100;
/** A token that has waited this long is not checked: the time for the client's first request is almost over. */
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
 * Identities of bearer tokens, as checked by citadel. In this order: (1) text that can't be a token is refused here;
 * (2) a known verdict is reused, kept under a hash of the token, briefly and never beyond the token's expiry; (3)
 * callers with the same token share one check; (4) an address that has sent too many refused tokens has to wait; (5)
 * only a few tokens are checked at a time, and addresses take turns, so that no sender delays the others.
 */
export function createTokenIdentities({ identify, limits, clock, hit }: TokenIdentitiesOptions): TokenIdentities {
  const { xdsRefusedTokens, xdsTokenChecks, xdsTokenChecksPerAddress } = limits;
  const verdicts = { accepted: new Lru<Known>(maxVerdicts), refused: new Lru<Known>(maxVerdicts) };
  const checks = new Map<string, Promise<PilotVerdict>>();
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
    const running = known(hash) ?? checks.get(hash);
    if (running) return running;
    const answer = ask(token, address, hash).finally(() => checks.delete(hash));
    checks.set(hash, answer);
    return answer;
  };
}
