import { createPublicKey, randomBytes, X509Certificate } from 'node:crypto';
import {
  buildCertificate,
  buildIntermediate,
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

/** The parts of a CA that others signed, as PEM; the names are those of Istio's Secret `cacerts`. */
export interface TestCaParts {
  readonly cert: string;
  readonly key: string;
  readonly chain: string;
  readonly roots: string;
}

/**
 * A CA of two days below an intermediate CA below a root of ten years, from a minute before `now` (epoch milliseconds).
 * As Istio's tools do, the chain has the CA's certificate first and the root last.
 */
export function createTestIntermediate(now = Date.now()): TestCaParts {
  const until = (days: number) => ({ notBefore: now - 60_000, notAfter: now + days * 86_400_000 });
  const [rootKey, middleKey, key] = [generateKey(), generateKey(), generateKey()];
  const root = buildRoot(rootKey, { organization: 'root', validity: until(3650), serial: randomBytes(16) });
  const middle = buildIntermediate(
    { organization: 'middle', publicKey: createPublicKey(middleKey), validity: until(365), serial: randomBytes(16) },
    { key: rootKey, certificate: new X509Certificate(root) },
  );
  const cert = buildIntermediate(
    { organization: 'mesh', publicKey: createPublicKey(key), validity: until(2), serial: randomBytes(16) },
    { key: middleKey, certificate: new X509Certificate(middle) },
  );
  return { cert, key: keyToPem(key), chain: cert + middle + root, roots: root };
}
