import type { KeyObject } from 'node:crypto';
import { buildCertificate } from '@flotilla/pki';
import { err, ok } from '@flotilla/std';
import type { Clock, Result } from '@flotilla/std';
import { spiffeOf, type SpiffeIdentity } from '@flotilla/rules';
import type { SigningCa } from './signing-ca.ts';

/** Workloads' clocks may be this far behind (Istio: two minutes). */
const clockSkewMs = 120_000;

export interface AuthorityOptions {
  readonly issuer: SigningCa;
  readonly clock: Clock;
  readonly defaultTtlMs: number;
  readonly maxTtlMs: number;
  /** Sixteen unpredictable bytes at each call. */
  readonly serial: () => Uint8Array;
}
export interface SignInput {
  readonly publicKey: KeyObject;
  /** Who the caller was verified to be: the certificate's only identity. */
  readonly identity: SpiffeIdentity;
  /** Zero or less requests the default. */
  readonly ttlMs: number;
  readonly dns?: readonly string[];
}
export interface Issued {
  /** PEM, leaf first, then its intermediates; the last entry has all roots. */
  readonly chain: readonly string[];
  readonly notAfter: number;
}
/**
 * `lifetime`: the caller must request less. `clock` and `root`: somebody must set this machine's clock right, or
 * replace the CA's certificate; then the same request is good.
 */
export interface SigningFault {
  readonly kind: 'lifetime' | 'clock' | 'root';
  readonly message: string;
}
export interface Authority {
  /**
   * Fails if more than the longest lifetime is requested (as Istio's CA does), and while the CA's certificate is not
   * valid by this machine's clock.
   */
  sign(input: SignInput): Result<Issued, SigningFault>;
  /** The certificates that workloads present after their own, as PEM; empty when the CA's certificate is a root. */
  readonly intermediatesPem: string;
  /** All roots. */
  readonly rootPem: string;
  /** When the CA's certificate ends, which is the root's end when it is self-signed. */
  readonly notAfter: number;
}

const dateOf = (ms: number): string => new Date(ms).toISOString();

export function createAuthority(options: AuthorityOptions): Authority {
  const { issuer, clock, defaultTtlMs, maxTtlMs } = options;
  const intermediates = issuer.intermediates.map(String);
  const rootPem = issuer.roots.map(String).join('');
  const name = intermediates.length === 0 ? 'root' : 'CA certificate';
  const [caNotBefore, caNotAfter] = [
    issuer.certificate.validFromDate.getTime(),
    issuer.certificate.validToDate.getTime(),
  ];
  return {
    intermediatesPem: intermediates.join(''),
    rootPem,
    notAfter: caNotAfter,
    sign({ publicKey, identity, ttlMs, dns = [] }) {
      const now = clock.now();
      if (!(ttlMs <= maxTtlMs))
        return err({
          kind: 'lifetime',
          message: `a lifetime of ${ttlMs / 1000} s was requested; at most ${maxTtlMs / 1000} s are allowed`,
        });
      if (now < caNotBefore)
        return err({
          kind: 'clock',
          message: `by the CA's clock it is ${dateOf(now)}, before its ${name} was made (${dateOf(caNotBefore)}): correct the clock`,
        });
      if (now >= caNotAfter)
        return err({
          kind: 'root',
          message: `by the CA's clock, ${dateOf(now)}, its ${name} expired at ${dateOf(caNotAfter)}: correct the clock, or replace the ${name}`,
        });
      const notAfter = Math.min(now + (ttlMs > 0 ? ttlMs : Math.min(defaultTtlMs, maxTtlMs)), caNotAfter);
      const validity = { notBefore: Math.max(now - clockSkewMs, caNotBefore), notAfter };
      const leaf = buildCertificate(
        { publicKey, validity, serial: options.serial(), uris: [spiffeOf(identity)], dns },
        issuer,
      );
      return ok({ chain: [leaf, ...intermediates, rootPem], notAfter });
    },
  };
}
