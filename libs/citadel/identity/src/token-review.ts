import { createHash } from 'node:crypto';
import type { TokenVerdict } from '@flotilla/model';
import { serviceAccountOf, validIdentity, type SpiffeIdentity } from '@flotilla/rules';
import { Lru, messageOf, type Clock } from '@flotilla/std';
import { maxTokenLength } from './jwt.ts';
import { acceptedMs, refusedMs, reuseOf, type VerifyToken } from './verify-token.ts';

/** An API server's verdict on a token; `reason` explains a refusal. */
export type ReviewedToken =
  | { readonly authenticated: true; readonly identity: { readonly username: string } }
  | { readonly authenticated: false; readonly reason: string };

export interface TokenReviewOptions {
  readonly trustDomain: string;
  readonly audience: string;
  readonly clock: Clock;
  /** Has the API server review a token (Kubernetes API, TokenReview); rejects when there is no verdict. */
  readonly review: (token: string, audiences: readonly string[]) => Promise<ReviewedToken>;
}

/** Verdicts that are kept of each kind, so that refused tokens do not displace accepted ones. */
const maxVerdicts = 10_000;
/** The most requests to the API server at a time; further tokens are refused, and their callers try again. */
const maxReviews = 100;
/**
 * The most of these requests for one address, which also never has more than are free. So senders of forged tokens
 * leave room for others, however many addresses they use: with n busy addresses, a share of 1/(n + 1) stays free
 * (Choudhury and Hahne, "Dynamic Queue Length Thresholds").
 */
const maxReviewsOfAddress = 20;

type Verdict = TokenVerdict<SpiffeIdentity>;
type Decided = Exclude<Verdict, { readonly kind: 'undecided' }>;
/** A verdict, and until when it is reused, in epoch milliseconds. */
interface Known {
  readonly verdict: Decided;
  readonly until: number;
}
const undecided = (reason: string): Verdict => ({ kind: 'undecided', reason });

/**
 * Verifies tokens by TokenReviews. Verdicts are kept under a hash of the token, for seconds and never beyond the
 * token's expiry; callers with the same token share one request. After a request without a verdict, the next caller's
 * token is reviewed again.
 */
export function createTokenReviews({ trustDomain, audience, clock, review }: TokenReviewOptions): VerifyToken {
  const verdicts = { accepted: new Lru<Known>(maxVerdicts), refused: new Lru<Known>(maxVerdicts) };
  const reviews = new Map<string, Promise<Verdict>>();
  const ofAddresses = new Map<string, number>();

  async function ask(token: string, hash: string): Promise<Verdict> {
    try {
      const reviewed = await review(token, [audience]);
      const now = clock.now();
      const verdict = reviewed.authenticated
        ? verdictOn(reviewed.identity.username, trustDomain, reuseOf(token, now, acceptedMs))
        : refusal(`the API server refuses the token: ${reviewed.reason}`, reuseOf(token, now, refusedMs));
      verdicts[verdict.kind].set(hash, { verdict, until: now + verdict.reuseMs }, 1);
      return verdict;
    } catch (thrown) {
      return undecided(`the API server gave no verdict on the token: ${messageOf(thrown)}`);
    } finally {
      reviews.delete(hash);
    }
  }

  function known(hash: string): Decided | undefined {
    const now = clock.now();
    const found = [verdicts.accepted.get(hash), verdicts.refused.get(hash)].find((one) => one && now < one.until);
    return found && { ...found.verdict, reuseMs: found.until - now };
  }

  function count(address: string, more: number): void {
    const running = (ofAddresses.get(address) ?? 0) + more;
    if (running > 0) ofAddresses.set(address, running);
    else ofAddresses.delete(address);
  }

  return async (token, address) => {
    if (token.length > maxTokenLength) return refusal(`the token is longer than ${maxTokenLength} characters`, 0);
    const hash = createHash('sha256').update(token).digest('base64');
    const running = known(hash) ?? reviews.get(hash);
    if (running) return running;
    const free = maxReviews - reviews.size;
    if (free <= 0) return undecided(`more than ${maxReviews} tokens are being reviewed: try again`);
    const share = Math.min(maxReviewsOfAddress, free);
    if (address !== undefined && (ofAddresses.get(address) ?? 0) >= share)
      return undecided(`more than ${share} tokens of one address are being reviewed: try again`);
    if (address !== undefined) count(address, 1);
    const answer = ask(token, hash);
    reviews.set(hash, answer);
    try {
      return await answer;
    } finally {
      if (address !== undefined) count(address, -1);
    }
  };
}

const refusal = (reason: string, reuseMs: number): Decided => ({ kind: 'refused', reason, reuseMs });

function verdictOn(username: string, trustDomain: string, reuseMs: number): Decided {
  const identity = { trustDomain, ...serviceAccountOf(username) };
  return validIdentity(identity)
    ? { kind: 'accepted', identity, reuseMs }
    : refusal('the token does not belong to a ServiceAccount', Math.min(reuseMs, refusedMs));
}
