import type { Election } from '@flotilla/kube-election';
import type { CertificateSource } from '@flotilla/pki';
import { aborted } from '@flotilla/std';

/**
 * Runs an election once there is a certificate: a replica without one could not write `caBundle`, and would keep those
 * that could from it.
 */
export const runCertified =
  (election: Pick<Election, 'run'>, certificate: CertificateSource) =>
  async (signal: AbortSignal): Promise<void> => {
    await Promise.race([firstOf(certificate), aborted(signal)]);
    await election.run(signal);
  };

const firstOf = (certificate: CertificateSource): Promise<void> =>
  new Promise((resolve) => {
    if (certificate.current()) return resolve();
    const forget = certificate.onChange(() => {
      forget();
      resolve();
    });
  });
