import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import type { Credential } from '@flotilla/model';

type Data = Readonly<Record<string, Uint8Array>>;
const rootsSuffix = '-cacert';
const generic = ['cert', 'key'] as const;
const tls = ['tls.crt', 'tls.key'] as const;
const quoted = (names: readonly string[]): string => names.map((name) => JSON.stringify(name)).join(' and ');

/**
 * What a Secret lacks that is plainly meant as a credential, in Istio's words (pilot/pkg/credentials/kube): one of type
 * `kubernetes.io/tls`, or with a certificate, without a whole pair; one named `-cacert` without roots. A `key` alone
 * may be of any use.
 */
export function missingParts(
  data: Data,
  { name, type }: { readonly name: string; readonly type: unknown },
): string | undefined {
  const has = (...names: readonly string[]): boolean => names.every((each) => data[each] !== undefined);
  const holds = (...names: readonly string[]): boolean => names.every((each) => (data[each]?.length ?? 0) > 0);
  if (holds(...generic) || holds(...tls)) return undefined;
  for (const pair of [generic, tls]) if (has(...pair)) return `found keys ${quoted(pair)}, but they were empty`;
  const found = `found: ${listed(Object.keys(data).sort())}`;
  if (type === 'kubernetes.io/tls' || has('cert') || has('tls.crt') || has('tls.key'))
    return `found secret, but didn't have expected keys (${generic.join(' and ')}) or (${tls.join(' and ')}); ${found}`;
  if (holds('cacert') || holds('ca.crt')) return undefined;
  for (const roots of ['cacert', 'ca.crt'])
    if (has(roots)) return `found key ${JSON.stringify(roots)}, but it was empty`;
  return name.endsWith(rootsSuffix)
    ? `found secret, but didn't have expected keys cacert or ca.crt; ${found}`
    : undefined;
}

const listed = (names: readonly string[]): string =>
  names.length < 3 ? names.join(', ') : `${names.slice(0, 3).join(', ')}, and ${names.length - 3} more...`;

/**
 * Why Envoy would refuse a credential, and with it all secrets of the same response; undefined when nothing is wrong.
 * Nothing of it is repeated.
 */
export function credentialMistake({ certificate, key, roots, revoked }: Credential): string | undefined {
  const chain = certificate && certificatesIn(certificate);
  const trusted = roots && certificatesIn(roots);
  if (chain === 'malformed' || trusted === 'malformed')
    return `${chain === 'malformed' ? 'its certificate' : 'its CA certificate'} is no PEM certificate`;
  if (revoked && !Buffer.from(revoked).includes('-----BEGIN X509 CRL-----'))
    return 'its revocation list is no PEM X509 CRL';
  if (!chain || !key) return undefined;
  const privateKey = privateKeyIn(key);
  if (typeof privateKey === 'string') return privateKey;
  return chain[0]?.checkPrivateKey(privateKey) ? undefined : 'its key does not belong to its certificate';
}

/** The certificates of a PEM bundle, in order. */
function certificatesIn(bytes: Uint8Array): readonly X509Certificate[] | 'malformed' {
  const blocks =
    Buffer.from(bytes)
      .toString('latin1')
      .match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  try {
    return blocks.length > 0 ? blocks.map((block) => new X509Certificate(block)) : 'malformed';
  } catch {
    return 'malformed';
  }
}

function privateKeyIn(bytes: Uint8Array): KeyObject | string {
  try {
    return createPrivateKey({ key: Buffer.from(bytes), format: 'pem' });
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code === 'ERR_MISSING_PASSPHRASE'
      ? 'its key needs a passphrase: store it without one'
      : 'its key is no PEM private key';
  }
}
