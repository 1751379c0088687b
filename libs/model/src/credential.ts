/**
 * The TLS material of a Kubernetes Secret, as PEM. Only citadel reads Secrets and gives this to pilot; it is not a
 * collection, and never on the bus.
 */
export interface Credential {
  readonly certificate?: Uint8Array;
  readonly key?: Uint8Array;
  /** An OCSP response about the certificate, which the server shows with it; DER. */
  readonly staple?: Uint8Array;
  readonly roots?: Uint8Array;
  readonly revoked?: Uint8Array;
}

/** Changes of credentials, by `namespace/name`, and of who may read them. */
export interface CredentialUpdate {
  readonly put: ReadonlyMap<string, Credential>;
  readonly delete: readonly string[];
  /** Names that cannot be answered yet: their last credential stays in force. */
  readonly pending?: readonly string[];
  /** Whether ServiceAccounts, `namespace/name`, may have the credentials in their namespace. */
  readonly readers?: ReadonlyMap<string, boolean>;
}

/** Appended to a credential's name for the roots that belong to it. */
export const rootsSuffix = '-cacert';

/**
 * The value of a Secret that is named as one with roots and has no usable ones. Because it exists, the roots next to
 * the certificate do not replace it: clients would be checked against other roots than intended (Istio's GetCaCert).
 */
export const noRoots: Credential = {};

/**
 * Credentials of the names that were added. `namespace/name` is the certificate with its key in
 * the Secret of that name; `namespace/name-cacert` is the roots in the Secret of that whole name, or, where there is
 * none, those beside the certificate. Each added name is answered with its credential, or in `delete` while there is
 * none, and later with each change. The last answers stay in force while the source is unreachable. A name has a
 * credential only while a reader of its namespace has been added who may have it.
 */
export interface CredentialSubscription extends AsyncIterable<CredentialUpdate> {
  add(name: string): void;
  /** Ends updates of the name; an update that was already sent may still arrive. */
  drop(name: string): void;
  /**
   * Requests whether a ServiceAccount, `namespace/name`, may have the credentials in its namespace, and each change.
   */
  addReader(account: string): void;
  dropReader(account: string): void;
}
/** Where credentials come from. The subscription ends when the signal aborts. */
export interface CredentialSource {
  subscribe(signal: AbortSignal): CredentialSubscription;
}

type Data = Readonly<Record<string, Uint8Array | undefined>>;
const isThere = (bytes: Uint8Array | undefined): bytes is Uint8Array => bytes !== undefined && bytes.length > 0;

/** The members of each form: generic before `kubernetes.io/tls`. */
const pairs = [
  { certificate: 'cert', key: 'key' },
  { certificate: 'tls.crt', key: 'tls.key', staple: 'tls.ocsp-staple' },
];
const rootForms = [
  { roots: 'cacert', revoked: 'crl' },
  { roots: 'ca.crt', revoked: 'ca.crl' },
];

/**
 * The credential in a Secret's data: generic with `cert` and `key`, else `kubernetes.io/tls` with `tls.crt` and
 * `tls.key`; roots in `cacert`, else `ca.crt`, each with the revocation list of its form (Istio's
 * pilot/pkg/credentials/kube). When it holds neither pair nor roots, undefined, or `noRoots` by its name.
 */
export function credentialIn(data: Data, name: string): Credential | undefined {
  const pair = pairs.find(({ certificate, key }) => isThere(data[certificate]) && isThere(data[key]));
  const trusted = rootForms.find(({ roots }) => isThere(data[roots]));
  if (!pair && !trusted) return name.endsWith(rootsSuffix) ? noRoots : undefined;
  const members = Object.entries({ ...pair, ...trusted }).map(([part, name]) => [part, data[name]] as const);
  return Object.fromEntries(members.filter(([, bytes]) => isThere(bytes)));
}
