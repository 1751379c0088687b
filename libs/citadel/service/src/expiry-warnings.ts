import type { X509Certificate } from 'node:crypto';
import type { SigningCa } from '@flotilla/citadel-authority';
import type { Logger } from '@flotilla/observability-port';
import type { Clock } from '@flotilla/std';

const dayMs = 86_400_000;
/** Replacing a root takes weeks, since every workload must trust the new one first. */
const warnBeforeMs = 30 * dayMs;

export interface ExpiryWarningsOptions {
  readonly ca: SigningCa;
  /** What to do about a certificate that ends soon. */
  readonly remedy: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Warns at once, and then daily, about each certificate of the CA that ends within 30 days. A root that has ended is
 * passed over: it may stay beside its successor. The returned function ends that.
 */
export function warnBeforeExpiry({ ca, remedy, clock, log }: ExpiryWarningsOptions): () => void {
  let cancel = (): void => {};
  const signing = [ca.certificate, ...ca.intermediates];
  const certificates = new Map([...ca.roots, ...signing].map((each) => [each.fingerprint256, each]));
  const isSigning = (certificate: X509Certificate): boolean =>
    signing.some(({ fingerprint256 }) => fingerprint256 === certificate.fingerprint256);
  const check = (): void => {
    const now = clock.now();
    for (const certificate of certificates.values()) {
      const notAfter = certificate.validToDate.getTime();
      if (notAfter - now > warnBeforeMs || (notAfter <= now && !isSigning(certificate))) continue;
      log.warn(`a certificate of the CA ${notAfter <= now ? 'has expired' : 'expires soon'}: ${remedy}`, {
        subject: certificate.subject,
        serial: certificate.serialNumber,
        notAfter: new Date(notAfter).toISOString(),
      });
    }
    cancel = clock.after(dayMs, check);
  };
  check();
  return () => cancel();
}
