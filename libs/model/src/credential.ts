/** What a Kubernetes Secret holds for TLS, as PEM. Citadel alone reads Secrets and hands this to pilot; it is no collection, and never on the bus. */
export interface Credential { readonly certificate?: Uint8Array; readonly key?: Uint8Array; readonly roots?: Uint8Array; readonly revoked?: Uint8Array }

/** What changed of the credentials, by `namespace/name` of their Secrets. */
export interface CredentialUpdate { readonly put: ReadonlyMap<string, Credential>; readonly delete: readonly string[] }

/** Where credentials come from: first all there are, then changes. What is known stays in force while the source is away. */
export interface CredentialSource { watch(signal: AbortSignal): AsyncIterable<CredentialUpdate> }

type Data = Readonly<Record<string, Uint8Array | undefined>>;
const isThere = (bytes: Uint8Array | undefined): bytes is Uint8Array => bytes !== undefined && bytes.length > 0;

/**
 * The credential in a Secret's data: generic with `cert` and `key`, else `kubernetes.io/tls` with `tls.crt` and `tls.key`; roots in `cacert`, else `ca.crt`; a
 * revocation list beside them (Istio's pilot/pkg/credentials/kube, ExtractCertInfo and ExtractRoot). Undefined when it holds none of it.
 */
export function credentialIn(data: Data): Credential | undefined {
  const pair = [['cert', 'key'], ['tls.crt', 'tls.key']].map(([certificate = '', key = '']) => ({ certificate: data[certificate], key: data[key] })).find(({ certificate, key }) => isThere(certificate) && isThere(key));
  const [roots, revoked] = [[data['cacert'], data['ca.crt']].find(isThere), [data['crl'], data['ca.crl']].find(isThere)];
  if (!pair && !roots) return undefined;
  return { ...pair, ...(roots ? { roots } : {}), ...(revoked ? { revoked } : {}) };
}
