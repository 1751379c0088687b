import { createPrivateKey, type KeyObject, type X509Certificate } from 'node:crypto';
import { parseCertificates, signingKeyMistake, verifyChain } from '@flotilla/pki';
import { err, ok } from '@flotilla/std';
import type { Result } from '@flotilla/std';
import type { SigningCa } from './signing-ca.ts';

/** A CA certificate that another CA signed, with its key; all PEM. */
export interface PluggedInMaterial {
  /** The CA's certificate; more certificates after it are taken as part of the chain. */
  readonly cert: string;
  readonly key: string;
  /** The certificates between the CA's and a root; may be empty, and may repeat both. */
  readonly chain: string;
  /** All certificates that workloads trust. */
  readonly roots: string;
}
export interface PluggedInFault {
  readonly part: keyof PluggedInMaterial;
  /** What is wrong with the part; repeats nothing of the key. */
  readonly problem: string;
}

/** With the workload's certificate, as many as clients read from an answer of the CA. */
const maxIntermediates = 15;
/** An RSA key of 8,192 bits has some 7 kB. */
const maxKeyLength = 64 * 1024;

/**
 * Reads a plugged-in CA. Fails when it can't sign certificates that workloads accept now: a part is malformed or too
 * large, the certificate is not one of a CA or is not valid at `now` (epoch milliseconds), the key is another one's, or
 * the chain does not lead to one of the roots. A root that has ended may stay beside one that is valid.
 */
export function parsePluggedIn(material: PluggedInMaterial, now: number): Result<SigningCa, PluggedInFault> {
  const found = parseCertificates(material.cert, maxIntermediates);
  if (!found.ok) return fault('cert', found.error);
  const [certificate, ...following] = found.value;
  if (!certificate) return fault('cert', 'it has no certificate');
  if (!certificate.ca) return fault('cert', 'it is not the certificate of a CA');
  if (certificate.validToDate.getTime() <= now) return fault('cert', `it expired at ${certificate.validTo}`);
  if (certificate.validFromDate.getTime() > now)
    return fault('cert', `it is not valid before ${certificate.validFrom}: is this machine's clock right?`);

  const key = parseKey(material.key);
  if (!key.ok) return fault('key', key.error);
  if (!certificate.checkPrivateKey(key.value)) return fault('key', 'it does not belong to the CA certificate');

  const chain = material.chain.trim() === '' ? ok([]) : parseCertificates(material.chain, maxIntermediates + 1);
  if (!chain.ok) return fault('chain', chain.error);
  const roots = parseCertificates(material.roots);
  if (!roots.ok) return fault('roots', roots.error);
  const validRoots = roots.value.filter((root) => root.validToDate.getTime() > now);
  if (validRoots.length === 0) return fault('roots', 'its certificates have expired');
  const path = verifyChain([certificate, ...following, ...chain.value], validRoots, now);
  if (!path.ok) return fault('chain', `the CA certificate does not lead to a root: ${path.error}`);

  const intermediates = without([certificate, ...following, ...chain.value], roots.value);
  if (intermediates.length > maxIntermediates)
    return fault(
      'chain',
      `there are ${intermediates.length} intermediate certificates; at most ${maxIntermediates} are allowed`,
    );
  return ok({ key: key.value, certificate, intermediates, roots: roots.value });
}

const fault = (part: PluggedInFault['part'], problem: string) => err<PluggedInFault>({ part, problem });

function parseKey(pem: string): Result<KeyObject> {
  if (pem.length > maxKeyLength) return err(`larger than ${maxKeyLength} characters`);
  try {
    const key = createPrivateKey(pem);
    const mistake = signingKeyMistake(key);
    return mistake === undefined ? ok(key) : err(mistake);
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code === 'ERR_MISSING_PASSPHRASE'
      ? err('it needs a passphrase: store it without one')
      : err('it is not a PEM private key');
  }
}

/** Each certificate once, in order, without the roots: those who verify have them. */
function without(
  certificates: readonly X509Certificate[],
  roots: readonly X509Certificate[],
): readonly X509Certificate[] {
  const seen = new Set(roots.map(({ fingerprint256 }) => fingerprint256));
  return certificates.filter(({ fingerprint256 }) => !seen.has(fingerprint256) && seen.add(fingerprint256));
}
