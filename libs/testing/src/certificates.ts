import { createPublicKey, randomBytes, X509Certificate } from 'node:crypto';
import {
  buildCertificate,
  buildRoot,
  generateKey,
  keyToPem,
  type AltNames,
  type KeyAndCertificate,
} from '@flotilla/pki';

/** A root of its own, valid for an hour, and what it signs. */
export function createTestCa(): { readonly roots: string; issue(names: AltNames): KeyAndCertificate } {
  const key = generateKey();
  const validity = { notBefore: Date.now() - 60_000, notAfter: Date.now() + 3_600_000 };
  const roots = buildRoot(key, { organization: 'test', validity, serial: randomBytes(16) });
  const issuer = { key, certificate: new X509Certificate(roots) };
  return {
    roots,
    issue(names) {
      const subjectKey = generateKey();
      const cert = buildCertificate(
        { publicKey: createPublicKey(subjectKey), validity, serial: randomBytes(16), ...names },
        issuer,
      );
      return { key: keyToPem(subjectKey), cert, roots };
    },
  };
}
