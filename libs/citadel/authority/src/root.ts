import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import { buildRoot, keyToPem } from '@flotilla/pki';
import { err, messageOf, ok } from '@flotilla/std';
import type { Result } from '@flotilla/std';
import type { SigningCa } from './signing-ca.ts';

/** A root as it is kept: PEM of its key (PKCS#8) and of its certificate. */
export interface RootMaterial {
  readonly keyPem: string;
  readonly certPem: string;
}

/** Ten years, as Istio's self-signed root. */
const rootTtlMs = 3650 * 86_400_000;

export function buildRootMaterial(input: {
  readonly trustDomain: string;
  readonly now: number;
  readonly serial: Uint8Array;
  readonly key: KeyObject;
}): RootMaterial {
  const { key } = input;
  const validity = { notBefore: input.now - 120_000, notAfter: input.now + rootTtlMs };
  return {
    keyPem: keyToPem(key),
    certPem: buildRoot(key, { organization: input.trustDomain, validity, serial: input.serial }),
  };
}

/**
 * Reads a kept root; fails when it can't sign now: malformed, no CA, not within its time, or a key of another
 * certificate.
 */
export function parseRoot({ keyPem, certPem }: RootMaterial, now: number): Result<SigningCa> {
  try {
    const certificate = new X509Certificate(certPem);
    const key = createPrivateKey(keyPem);
    if (!certificate.ca) return err('the root certificate is not one of a CA');
    if (!certificate.checkPrivateKey(key)) return err('the root key does not belong to the root certificate');
    if (certificate.validToDate.getTime() <= now)
      return err(
        `the root certificate expired at ${certificate.validTo}: remove it to create a new root, which every service and workload must then get again`,
      );
    if (certificate.validFromDate.getTime() > now)
      return err(`the root certificate is not valid before ${certificate.validFrom}: check this machine's clock`);
    return ok({ key, certificate, intermediates: [], roots: [certificate] });
  } catch (thrown) {
    return err(`the root can't be read: ${messageOf(thrown)}`);
  }
}
