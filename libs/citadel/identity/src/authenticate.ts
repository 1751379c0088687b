import type { X509Certificate } from 'node:crypto';
import { peerIdentity, verifyChain } from '@flotilla/pki';
import type { SpiffeIdentity } from '@flotilla/pki';
import { err, ok } from '@flotilla/std';
import type { Clock, Result } from '@flotilla/std';
import { verifyBootstrapToken } from './bootstrap.ts';
import type { BootstrapTokens } from './bootstrap.ts';
import { verifyServiceAccountToken } from './jwt.ts';
import type { JwtOptions } from './jwt.ts';

/** What a caller shows: a certificate that TLS saw but did not judge, a bearer token, or both. */
export interface Credentials { readonly certificate?: X509Certificate; readonly bearer?: string }
export interface AuthenticateOptions {
  readonly trustDomain: string;
  readonly clock: Clock;
  readonly roots: () => readonly X509Certificate[];
  readonly jwt?: JwtOptions;
  readonly bootstrap: () => BootstrapTokens;
}

/** Who the caller is, and what proved it. */
export interface Caller { readonly identity: SpiffeIdentity; readonly proof: 'certificate' | 'token' | 'bootstrap token' }

/** Who the caller is. Each kind of credential in turn, as Istio does: (1) certificate, (2) token; the first that holds counts. */
export async function authenticate({ certificate, bearer }: Credentials, options: AuthenticateOptions): Promise<Result<Caller>> {
  const reasons: string[] = [];
  if (certificate) {
    const byCertificate = identityOfCertificate(certificate, options);
    if (byCertificate.ok) return byCertificate;
    reasons.push(`client certificate: ${byCertificate.error}`);
  }
  if (bearer !== undefined) {
    const byToken = await identityOfToken(bearer, options);
    if (byToken.ok) return byToken;
    reasons.push(byToken.error);
  }
  return err(reasons.length > 0 ? reasons.join('; ') : 'neither a token nor a client certificate was sent');
}

function identityOfCertificate(certificate: X509Certificate, { roots, clock, trustDomain }: AuthenticateOptions): Result<Caller> {
  const verified = verifyChain([certificate], roots(), clock.now());
  if (!verified.ok) return verified;
  const identity = peerIdentity(verified.value);
  if (identity.ok && identity.value.trustDomain !== trustDomain) return err('it is of another trust domain');
  return provedBy('certificate', identity);
}

/** A JWT has three parts; anything else can only be a bootstrap token. */
async function identityOfToken(token: string, options: AuthenticateOptions): Promise<Result<Caller>> {
  if (token.split('.', 4).length !== 3) return provedBy('bootstrap token', verifyBootstrapToken(token, options.bootstrap(), options.trustDomain));
  return options.jwt ? provedBy('token', await verifyServiceAccountToken(token, options.jwt)) : err('tokens of service accounts are not accepted here: citadel has no --jwks-file');
}

const provedBy = (proof: Caller['proof'], identity: Result<SpiffeIdentity>): Result<Caller> => (identity.ok ? ok({ identity: identity.value, proof }) : identity);
