import type { KeyObject } from 'node:crypto';
import { buildCertificate } from '@flotilla/pki';
import type { Issuer } from '@flotilla/pki';
import { err, ok } from '@flotilla/std';
import type { Clock, Result } from '@flotilla/std';
import { spiffeOf, type SpiffeIdentity } from '@flotilla/rules';

/** Workloads' clocks may be this far behind (Istio: two minutes). */
const clockSkewMs = 120_000;

export interface AuthorityOptions {
  readonly issuer: Issuer;
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
  /** PEM, leaf first, root last. */
  readonly chain: readonly string[];
  readonly notAfter: number;
}
/**
 * `lifetime`: the caller must request less. `clock` and `root`: somebody must set this machine's clock right, or
 * replace the root; then the same request is good.
 */
export interface SigningFault {
  readonly kind: 'lifetime' | 'clock' | 'root';
  readonly message: string;
}
export interface Authority {
  /**
   * Fails if more than the longest lifetime is requested (as Istio's CA does), and while the root is not valid by this
   * machine's clock.
   */
  sign(input: SignInput): Result<Issued, SigningFault>;
  readonly rootPem: string;
  readonly rootNotAfter: number;
}

const dateOf = (ms: number): string => new Date(ms).toISOString();

export function createAuthority(options: AuthorityOptions): Authority {
  const { issuer, clock, defaultTtlMs, maxTtlMs } = options;
  const rootPem = issuer.certificate.toString();
  const [rootNotBefore, rootNotAfter] = [
    issuer.certificate.validFromDate.getTime(),
    issuer.certificate.validToDate.getTime(),
  ];
  return {
    rootPem,
    rootNotAfter,
    sign({ publicKey, identity, ttlMs, dns = [] }) {
      const now = clock.now();
      if (!(ttlMs <= maxTtlMs))
        return err({
          kind: 'lifetime',
          message: `a lifetime of ${ttlMs / 1000} s was requested; at most ${maxTtlMs / 1000} s are allowed`,
        });
      if (now < rootNotBefore)
        return err({
          kind: 'clock',
          message: `by the CA's clock it is ${dateOf(now)}, before its root was made (${dateOf(rootNotBefore)}): set the clock right`,
        });
      if (now >= rootNotAfter)
        return err({
          kind: 'root',
          message: `by the CA's clock, ${dateOf(now)}, its root expired at ${dateOf(rootNotAfter)}: set the clock right, or replace the root`,
        });
      const notAfter = Math.min(now + (ttlMs > 0 ? ttlMs : Math.min(defaultTtlMs, maxTtlMs)), rootNotAfter);
      const validity = { notBefore: Math.max(now - clockSkewMs, rootNotBefore), notAfter };
      const leaf = buildCertificate(
        { publicKey, validity, serial: options.serial(), uris: [spiffeOf(identity)], dns },
        issuer,
      );
      return ok({ chain: [leaf, rootPem], notAfter });
    },
  };
}
