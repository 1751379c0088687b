import type { X509Certificate } from 'node:crypto';
import { err, ok, type Result } from '@flotilla/std';
import { parseCertificates } from './certificate.ts';

export interface CaAnswer {
  readonly leaf: X509Certificate;
  /** PEM: the leaf, then its intermediates. */
  readonly cert: string;
  /** PEM of all roots. */
  readonly roots: string;
}

/**
 * Reads the `certChain` of Istio's certificate service: its last entry has the roots, as many as there are, the others
 * have the leaf and its intermediates (Istio, security/pkg/server/ca).
 */
export function parseCaAnswer(chain: readonly string[]): Result<CaAnswer> {
  if (chain.length < 2) return err('expected a certificate and its root');
  const presented = parseCertificates(chain.slice(0, -1).join('\n'));
  if (!presented.ok) return err(`the certificate and its chain: ${presented.error}`);
  const roots = parseCertificates(chain.at(-1) ?? '');
  if (!roots.ok) return err(`the roots: ${roots.error}`);
  const [leaf] = presented.value;
  return leaf ? ok({ leaf, cert: pemOf(presented.value), roots: pemOf(roots.value) }) : err('it has no certificate');
}

const pemOf = (certificates: readonly X509Certificate[]): string => certificates.map(String).join('');
