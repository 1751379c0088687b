import { envoy } from '@flotilla/proto-gen/discovery';
import { hashBytes } from '@flotilla/std';

const { Secret } = envoy.extensions.transport_sockets.tls.v3;
const { DiscoveryResponse } = envoy.service.discovery.v3;
const secretTypeUrl = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret';

/** What the name of a secret requests (Istio's names). */
export type SecretName =
  | { readonly kind: 'certificate' }
  | { readonly kind: 'roots' }
  | { readonly kind: 'file-certificate'; readonly cert: string; readonly key: string }
  | { readonly kind: 'file-roots'; readonly path: string };

/** Reads `default`, `ROOTCA`, `file-cert:CERT~KEY` and `file-root:PATH`; undefined for other names. */
export function parseSecretName(name: string): SecretName | undefined {
  if (name === 'default') return { kind: 'certificate' };
  if (name === 'ROOTCA') return { kind: 'roots' };
  if (name.startsWith('file-root:')) return { kind: 'file-roots', path: name.slice('file-root:'.length) };
  const [cert, key, ...more] = name.startsWith('file-cert:') ? name.slice('file-cert:'.length).split('~') : [];
  return cert && key && more.length === 0 ? { kind: 'file-certificate', cert, key } : undefined;
}

const inline = (text: string) => ({ inlineBytes: Buffer.from(text) });

export function encodeSecret(
  name: string,
  value: { readonly key: string; readonly cert: string } | { readonly roots: string },
): Uint8Array {
  return 'roots' in value
    ? Secret.encode({ name, validationContext: { trustedCa: inline(value.roots) } }).finish()
    : Secret.encode({
        name,
        tlsCertificate: { certificateChain: inline(value.cert), privateKey: inline(value.key) },
      }).finish();
}

/** The response with these secrets; its version is their hash. */
export function encodeSecrets(secrets: readonly Uint8Array[], nonce: string): Buffer {
  const versionInfo = hashBytes(Buffer.concat(secrets));
  return Buffer.from(
    DiscoveryResponse.encode({
      versionInfo,
      nonce,
      typeUrl: secretTypeUrl,
      resources: secrets.map((value) => ({ type_url: secretTypeUrl, value })),
    }).finish(),
  );
}
