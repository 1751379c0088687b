import { hash, timingSafeEqual } from 'node:crypto';
import type { SpiffeIdentity } from '@flotilla/pki';
import { err, ok, readJsonObject } from '@flotilla/std';
import type { Result } from '@flotilla/std';

/** Digests of the tokens that let the control plane's own services ask for their first certificate. */
export type BootstrapTokens = readonly { readonly service: string; readonly digest: Buffer }[];

const minLength = 32;
const maxServices = 64;
const digestOf = (token: string): Buffer => hash('sha256', token, 'buffer');

/** Reads a JSON object of service name → token. Short tokens and equal ones are refused, without repeating them. */
export function parseBootstrapTokens(text: string): Result<BootstrapTokens> {
  // A problem of syntax would quote the text, which holds secrets.
  const parsed = readJsonObject(text);
  if (!parsed.ok) return err(parsed.error.code === 'over-limit' ? `bootstrap tokens: ${parsed.error.message}` : 'bootstrap tokens are not a JSON object of service: token');
  const entries = Object.entries(parsed.value);
  if (entries.length > maxServices) return err(`more than ${maxServices} bootstrap tokens`);
  for (const [service, token] of entries) {
    if (!/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(service)) return err(`${JSON.stringify(service)} is no name of a service`);
    if (typeof token !== 'string' || token.length < minLength || token.length > 4096) return err(`the bootstrap token of ${service} must have ${minLength} to 4096 characters`);
  }
  const tokens = entries.map(([service, token]) => ({ service, digest: digestOf(String(token)) }));
  return new Set(tokens.map(({ digest }) => digest.toString('hex'))).size === tokens.length ? ok(tokens) : err('two services share a bootstrap token');
}

/** The service that a token belongs to, found in constant time for each known one. */
export function verifyBootstrapToken(token: string, tokens: BootstrapTokens, trustDomain: string): Result<SpiffeIdentity> {
  const digest = digestOf(token.slice(0, 4097));
  const found = tokens.filter((known) => timingSafeEqual(known.digest, digest))[0];
  return found ? ok({ trustDomain, namespace: 'istio-system', serviceAccount: found.service }) : err('the bootstrap token is not known here');
}

/** The DNS names of the Kubernetes Service before a control-plane service: its peers may know it by them. */
export const serviceNames = ({ serviceAccount, namespace }: SpiffeIdentity): readonly string[] => [`istio-${serviceAccount}.${namespace}.svc`, `${serviceAccount}.${namespace}.svc`];
