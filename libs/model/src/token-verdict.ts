/**
 * The owner of a bearer token, or why it is refused; both may be reused for `reuseMs`, which never goes beyond the
 * token's expiry. `undecided` when there can be no verdict now: the same token may be accepted later.
 */
export type TokenVerdict<Identity> =
  | { readonly kind: 'accepted'; readonly identity: Identity; readonly reuseMs: number }
  | { readonly kind: 'refused'; readonly reason: string; readonly reuseMs: number }
  | { readonly kind: 'undecided'; readonly reason: string };

/**
 * Finds out which SPIFFE identity a bearer token proves; `address` is its sender's, without a port. Never rejects, and
 * never keeps the token.
 */
export type IdentifyToken = (token: string, address: string) => Promise<TokenVerdict<string>>;
