import type { X509Certificate } from 'node:crypto';
import { peerIdentity, verifyChain } from '@flotilla/pki';
import type { SpiffeIdentity } from '@flotilla/rules';
import { err, ok } from '@flotilla/std';
import type { Clock, Result } from '@flotilla/std';
import { verifyBootstrapToken } from './bootstrap.ts';
import type { BootstrapTokens } from './bootstrap.ts';
import { isControlPlaneService, serviceNames, type ServiceNamesOptions } from './service-names.ts';
import type { VerifyToken } from './verify-token.ts';

/** What a caller presents: a certificate that TLS has not verified, a bearer token, or both. */
export interface Credentials {
  readonly certificate?: X509Certificate;
  readonly bearer?: string;
  /** The caller's IP address, without its port. */
  readonly address?: string;
}
export interface AuthenticateOptions extends ServiceNamesOptions {
  readonly clock: Clock;
  readonly roots: () => readonly X509Certificate[];
  /** The CA's own: TLS gives only the caller's certificate, not the chain that came with it. */
  readonly intermediates: () => readonly X509Certificate[];
  /** Verifies tokens of ServiceAccounts. */
  readonly verifyToken: VerifyToken;
  readonly bootstrap: () => BootstrapTokens;
}

/**
 * The caller's identity, what proved it, and the DNS names for its certificate: a service of the control plane gets
 * those of its Kubernetes Service, any other caller none.
 */
export interface Caller {
  readonly identity: SpiffeIdentity;
  readonly proof: 'certificate' | 'token' | 'bootstrap token';
  readonly dns: readonly string[];
}

/**
 * Identifies the caller. Tries each kind of credential in turn, as Istio does: (1) certificate, (2) token; the first
 * valid one decides.
 */
export async function authenticate(
  { certificate, bearer, address }: Credentials,
  options: AuthenticateOptions,
): Promise<Result<Caller>> {
  const reasons: string[] = [];
  if (certificate) {
    const byCertificate = identityOfCertificate(certificate, options);
    if (byCertificate.ok) return byCertificate;
    reasons.push(`client certificate: ${byCertificate.error}`);
  }
  if (bearer !== undefined) {
    const byToken = await identityOfToken(bearer, address, options);
    if (byToken.ok) return byToken;
    reasons.push(byToken.error);
  }
  return err(reasons.length > 0 ? reasons.join('; ') : 'neither a token nor a client certificate was sent');
}

function identityOfCertificate(certificate: X509Certificate, options: AuthenticateOptions): Result<Caller> {
  const { roots, intermediates, clock, trustDomain, domain } = options;
  const verified = verifyChain([certificate, ...intermediates()], roots(), clock.now());
  if (!verified.ok) return verified;
  const identity = peerIdentity(verified.value);
  if (identity.ok && identity.value.trustDomain !== trustDomain) return err('it is of another trust domain');
  const held = new Set((certificate.subjectAltName ?? '').split(', '));
  return provedBy('certificate', identity, (caller) => {
    const names = namesOf(options)(caller);
    // A file of bootstrap tokens may name services that this version does not know.
    return names.length > 0 ? names : serviceNames(caller, domain).filter((name) => held.has(`DNS:${name}`));
  });
}

/** A JWT has three parts; anything else can only be a bootstrap token. */
async function identityOfToken(
  token: string,
  address: string | undefined,
  options: AuthenticateOptions,
): Promise<Result<Caller>> {
  if (token.split('.', 4).length !== 3)
    return provedBy(
      'bootstrap token',
      verifyBootstrapToken(token, options.bootstrap(), { ...options, now: options.clock.now() }),
      (caller) => serviceNames(caller, options.domain),
    );
  const verdict = await options.verifyToken(token, address);
  return provedBy('token', verdict.kind === 'accepted' ? ok(verdict.identity) : err(verdict.reason), namesOf(options));
}

const provedBy = (
  proof: Caller['proof'],
  identity: Result<SpiffeIdentity>,
  dns: (caller: SpiffeIdentity) => readonly string[],
): Result<Caller> => (identity.ok ? ok({ identity: identity.value, proof, dns: dns(identity.value) }) : identity);

/** The DNS names of a caller by its identity alone. */
const namesOf =
  (options: ServiceNamesOptions) =>
  (caller: SpiffeIdentity): readonly string[] =>
    isControlPlaneService(caller, options) ? serviceNames(caller, options.domain) : [];
