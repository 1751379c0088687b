import type { TokenVerdict } from '@flotilla/model';
import type { SpiffeIdentity } from '@flotilla/rules';
import { readExpiry, verifyServiceAccountToken, type JwtOptions } from './jwt.ts';

/**
 * Identifies the ServiceAccount that a token belongs to, or refuses the token; `address` is its sender's. Never
 * rejects.
 */
export type VerifyToken = (token: string, address?: string) => Promise<TokenVerdict<SpiffeIdentity>>;

/** How long a verdict is reused at most: after that, the token of a deleted pod is refused. */
export const acceptedMs = 30_000;
export const refusedMs = 5000;

/** How long a verdict on a token may be reused from `now`, if it is no longer than `most`. */
export const reuseOf = (token: string, now: number, most: number): number =>
  Math.max(0, Math.min(most, (readExpiry(token) ?? Infinity) - now));

/** Verifies tokens with the keys of their issuer. */
export const createKeyVerification =
  (options: JwtOptions): VerifyToken =>
  async (token) => {
    if (!options.keys())
      return {
        kind: 'undecided',
        reason: 'there are no keys to check tokens with yet: see the log of citadel about its JWKS file',
      };
    const verified = await verifyServiceAccountToken(token, options);
    const reuseMs = reuseOf(token, options.clock.now(), verified.ok ? acceptedMs : refusedMs);
    return verified.ok
      ? { kind: 'accepted', identity: verified.value, reuseMs }
      : { kind: 'refused', reason: verified.error, reuseMs };
  };

/** Refuses every token, where there is neither an API server nor keys to verify them. */
export const refuseTokens: VerifyToken = () =>
  Promise.resolve({
    kind: 'refused',
    reason:
      'tokens of service accounts are not accepted here: citadel has neither --platform kubernetes nor a --jwks-file',
    reuseMs: refusedMs,
  });
