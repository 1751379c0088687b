import type { X509Certificate } from 'node:crypto';

/** The middle of a certificate's life, epoch milliseconds. */
export const middleOf = ({
  validFromDate,
  validToDate,
}: Pick<X509Certificate, 'validFromDate' | 'validToDate'>): number =>
  (validFromDate.getTime() + validToDate.getTime()) / 2;

/**
 * Whether it is time for a new certificate. Without one; in the second half of its life; and before it begins, as after
 * a clock was set back.
 */
export const isDue = (
  certificate: Pick<X509Certificate, 'validFromDate' | 'validToDate'> | undefined,
  now: number,
): boolean => !certificate || now < certificate.validFromDate.getTime() || now >= middleOf(certificate);
