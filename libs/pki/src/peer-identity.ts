import type { X509Certificate } from 'node:crypto';
import { parseSpiffe, type SpiffeIdentity } from '@flotilla/rules';
import { err, type Result } from '@flotilla/std';

/**
 * The one SPIFFE identity of a certificate, whose chain the caller has verified. Fails for a certificate with several
 * URI names (SPIFFE X.509-SVID, section 2), or with one that is not of Istio's form.
 */
export function peerIdentity(certificate: X509Certificate): Result<SpiffeIdentity> {
  const names = (certificate.subjectAltName ?? '').split(/, (?=[A-Za-z ]+:)/).filter((name) => name.startsWith('URI:'));
  const [name] = names;
  if (!name || names.length !== 1) return err(`expected one URI name in the certificate, found ${names.length}`);
  return parseSpiffe(name.slice('URI:'.length));
}
