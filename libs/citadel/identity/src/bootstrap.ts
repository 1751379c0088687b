import { hash, timingSafeEqual } from 'node:crypto';
import type { ControlPlane, SpiffeIdentity } from '@flotilla/rules';
import { err, ok, parseTimestamp, readJsonObject, isRecord } from '@flotilla/std';
import type { Result } from '@flotilla/std';

/**
 * A token that lets one of the control plane's own services ask for its first certificate: its digest, and when it
 * ends, where the file says so (epoch ms).
 */
export interface BootstrapToken {
  readonly service: string;
  readonly digest: Buffer;
  readonly expires?: number;
}

const minLength = 32;
const maxLength = 4096;
const maxServices = 64;
const digestOf = (token: string): Buffer => hash('sha256', token, 'buffer');

/**
 * Reads a JSON object of service name → token, or → `{"token", "expires"}` with a date as in RFC 3339. Short tokens and
 * equal ones are refused, without repeating them.
 */
export function parseBootstrapTokens(text: string): Result<readonly BootstrapToken[]> {
  // A problem of syntax would quote the text, which holds secrets.
  const parsed = readJsonObject(text);
  if (!parsed.ok)
    return err(
      parsed.error.code === 'over-limit'
        ? `bootstrap tokens: ${parsed.error.message}`
        : 'bootstrap tokens are not a JSON object of service: token',
    );
  const entries = Object.entries(parsed.value);
  if (entries.length > maxServices) return err(`more than ${maxServices} bootstrap tokens`);
  const tokens: BootstrapToken[] = [];
  for (const [service, value] of entries) {
    if (!/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(service))
      return err(`${JSON.stringify(service.slice(0, 100))} is not a name of a service`);
    const { token, expires } = isRecord(value) ? value : { token: value };
    if (typeof token !== 'string' || token.length < minLength || token.length > maxLength)
      return err(`the bootstrap token of ${service} must have ${minLength} to ${maxLength} characters`);
    const end = typeof expires === 'string' ? parseTimestamp(expires) : undefined;
    if (expires !== undefined && end === undefined)
      return err(`the bootstrap token of ${service} must expire at a date such as 2026-01-31T12:00:00Z`);
    tokens.push({ service, digest: digestOf(token), ...(end === undefined ? {} : { expires: end }) });
  }
  return new Set(tokens.map(({ digest }) => digest.toString('hex'))).size === tokens.length
    ? ok(tokens)
    : err('two services share a bootstrap token');
}

/** Tokens with their ends: each proves its own service and nothing else, until then. */
export type BootstrapTokens = readonly Required<BootstrapToken>[];

/** The service that a token belongs to, found in constant time for each known one. */
export function verifyBootstrapToken(
  token: string,
  tokens: BootstrapTokens,
  { trustDomain, systemNamespace, now }: ControlPlane & { readonly now: number },
): Result<SpiffeIdentity> {
  const digest = digestOf(token.slice(0, maxLength + 1));
  const [found] = tokens.filter((known) => timingSafeEqual(known.digest, digest));
  if (!found) return err('the bootstrap token is not known here: it may have been replaced since; read it again');
  if (now >= found.expires)
    return err(
      `the bootstrap token of ${found.service} expired at ${new Date(found.expires).toISOString()}: it must be replaced`,
    );
  return ok({ trustDomain, namespace: systemNamespace, serviceAccount: found.service });
}
