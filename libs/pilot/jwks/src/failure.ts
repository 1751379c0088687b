/** Limits that end a fetch, as `limits_hit_total` counts them. */
export const fetchLimits = [
  'jwks_address',
  'jwks_bytes',
  'jwks_redirects',
  'jwks_timeout',
  'jwks_total_bytes',
] as const;
export type FetchLimit = (typeof fetchLimits)[number];

/** Why a key set could not be fetched; `remedy` says what to do about it. Nothing that the host sent is quoted. */
export class FetchFailure extends Error {
  readonly reason: string;
  readonly remedy: string;
  readonly limit: FetchLimit | undefined;

  constructor(reason: string, remedy: string, limit?: FetchLimit) {
    super(`${reason}; ${remedy}`);
    this.reason = reason;
    this.remedy = remedy;
    this.limit = limit;
  }
}

const reachable = 'make the URL reachable for pilot, or put the keys into the field jwks';
const certificate = "put its issuer's certificate into the file of --jwks-extra-roots";
/** By the code of an error of Node's network, DNS and TLS. */
const byCode: Readonly<Record<string, readonly [reason: string, remedy: string]>> = {
  ENOTFOUND: ['its host has no address', reachable],
  ENODATA: ['its host has no address', reachable],
  EAI_AGAIN: ['its host cannot be looked up at the moment', reachable],
  ETIMEOUT: ['its host cannot be looked up at the moment', reachable],
  EREFUSED: ['its host cannot be looked up at the moment', reachable],
  ESERVFAIL: ['its host cannot be looked up at the moment', reachable],
  ECONNREFUSED: ['the connection was refused', reachable],
  ECONNRESET: ['the connection was closed', reachable],
  EHOSTUNREACH: ['there is no route to its host', reachable],
  ENETUNREACH: ['there is no route to its host', reachable],
  ETIMEDOUT: ['its host does not answer', reachable],
  CERT_HAS_EXPIRED: ['the certificate of its host has expired', 'renew it'],
  DEPTH_ZERO_SELF_SIGNED_CERT: ['the certificate of its host is not trusted', certificate],
  SELF_SIGNED_CERT_IN_CHAIN: ['the certificate of its host is not trusted', certificate],
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: ['the certificate of its host is not trusted', certificate],
  UNABLE_TO_GET_ISSUER_CERT: ['the certificate of its host is not trusted', certificate],
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: ['the certificate of its host is not trusted', certificate],
  ERR_TLS_CERT_ALTNAME_INVALID: ['the certificate is for another host', 'correct the URL or the certificate'],
  HPE_HEADER_OVERFLOW: ['the header of the answer is too large', reachable],
};

/** Turns any error of a fetch into a FetchFailure. */
export function failureOf(error: unknown): FetchFailure {
  if (error instanceof FetchFailure) return error;
  const [first] = error instanceof AggregateError ? (error.errors as unknown[]) : [error];
  const { code = '', cause } = (first ?? {}) as { readonly code?: unknown; readonly cause?: unknown };
  if (cause instanceof FetchFailure) return cause;
  const known = byCode[String(code)];
  if (known) return new FetchFailure(...known);
  const isTls = /^(?:ERR_SSL|ERR_TLS|EPROTO|CERT_|UNABLE_)/.test(String(code));
  const name = /^[A-Z0-9_]{1,60}$/.test(String(code)) ? ` (${String(code)})` : '';
  return isTls
    ? new FetchFailure(`TLS with its host failed${name}`, 'correct its certificate or its TLS settings')
    : new FetchFailure(`the request failed${name}`, reachable);
}
