import type { X509Certificate } from 'node:crypto';
import type { Issuer } from '@flotilla/pki';

/** What a CA signs with, and what its workloads need to prove and to verify identities. */
export interface SigningCa extends Issuer {
  /**
   * The certificates that workloads present after their own, the CA's first; none when the CA's certificate is a root.
   */
  readonly intermediates: readonly X509Certificate[];
  /** The certificates that workloads trust, at least one. */
  readonly roots: readonly X509Certificate[];
}
