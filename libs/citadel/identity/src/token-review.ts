import { createHash } from 'node:crypto';
import { serviceAccountOf, validIdentity, type SpiffeIdentity } from '@flotilla/rules';
import { err, Lru, messageOf, ok, type Clock, type Result } from '@flotilla/std';
import { maxTokenLength, readExpiry } from './jwt.ts';

/** Whom a bearer token belongs to, or why it is refused; `address` is its sender's. Never rejects. */
export type VerifyToken = (token: string, address?: string) => Promise<Result<SpiffeIdentity>>;

/** An API server's verdict on a token; `reason` is why it is not accepted. */
export type ReviewedToken =
  | { readonly authenticated: true; readonly identity: { readonly username: string } }
  | { readonly authenticated: false; readonly reason: string };

export interface TokenReviewOptions {
  readonly trustDomain: string;
  readonly audience: string;
  readonly clock: Clock;
  /** Asks the API server (Kubernetes API, TokenReview); rejects when there is no verdict. */
  readonly review: (token: string, audiences: readonly string[]) => Promise<ReviewedToken>;
}

/** How long a verdict is reused, so that the token of a deleted pod is refused after that. */
const acceptedMs = 30_000;
const refusedMs = 5000;
const maxVerdicts = 10_000;
/** Requests to the API server at a time; further tokens are refused, and their callers try again. */
const maxReviews = 100;
/** Of these, so many are of one address: whoever sends tokens that nobody has issued leaves room for the others. */
const maxReviewsOfAddress = 20;

interface Verdict {
  readonly result: Result<SpiffeIdentity>;
  /** Epoch milliseconds. */
  readonly until: number;
}

/**
 * Verifies tokens by asking the API server. Verdicts are kept under a hash of the token, for seconds and never beyond
 * the token's expiry; callers with the same token share one request. A token without a verdict is refused, and the next
 * caller asks again.
 */
export function createTokenReviews({ trustDomain, audience, clock, review }: TokenReviewOptions): VerifyToken {
  const verdicts = new Lru<Verdict>(maxVerdicts);
  const asked = new Map<string, Promise<Result<SpiffeIdentity>>>();

  const ofAddresses = new Map<string, number>();

  async function ask(token: string, hash: string): Promise<Result<SpiffeIdentity>> {
    try {
      const reviewed = await review(token, [audience]);
      const result = reviewed.authenticated
        ? identityOf(reviewed.identity.username, trustDomain)
        : err(`the API server refuses the token: ${reviewed.reason}`);
      const until = clock.now() + (result.ok ? acceptedMs : refusedMs);
      verdicts.set(hash, { result, until: Math.min(until, readExpiry(token) ?? until) }, 1);
      return result;
    } catch (thrown) {
      return err(`the API server gave no verdict on the token: ${messageOf(thrown)}`);
    } finally {
      asked.delete(hash);
    }
  }

  function count(address: string, more: number): void {
    const running = (ofAddresses.get(address) ?? 0) + more;
    if (running > 0) ofAddresses.set(address, running);
    else ofAddresses.delete(address);
  }

  return async (token, address) => {
    if (token.length > maxTokenLength) return err(`the token is longer than ${maxTokenLength} characters`);
    const hash = createHash('sha256').update(token).digest('base64');
    const known = verdicts.get(hash);
    if (known && clock.now() < known.until) return known.result;
    const running = asked.get(hash);
    if (running) return running;
    if (asked.size >= maxReviews) return err(`more than ${maxReviews} tokens are being reviewed: try again`);
    if (address !== undefined && (ofAddresses.get(address) ?? 0) >= maxReviewsOfAddress)
      return err(`more than ${maxReviewsOfAddress} tokens of one address are being reviewed: try again`);
    if (address !== undefined) count(address, 1);
    const answer = ask(token, hash);
    asked.set(hash, answer);
    try {
      return await answer;
    } finally {
      if (address !== undefined) count(address, -1);
    }
  };
}

function identityOf(username: string, trustDomain: string): Result<SpiffeIdentity> {
  const identity = { trustDomain, ...serviceAccountOf(username) };
  return validIdentity(identity) ? ok(identity) : err('the token does not belong to a ServiceAccount');
}
