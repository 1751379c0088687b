import type { Change } from '@flotilla/query';
import type { View } from './view.ts';

/** What a Kubernetes Secret holds for TLS; PEM. It reaches pilot from citadel, the only reader of Secrets, and never over the bus. */
export interface Credential { readonly certificate?: Uint8Array; readonly key?: Uint8Array; readonly roots?: Uint8Array; readonly revoked?: Uint8Array }

/** The store's collection of credentials, by `namespace/name`. */
export const credentials = 'credentials';

/** A credential's new value, or its end, as a change of the store. */
export const credentialChange = (key: string, value?: Credential): Change => ({ collection: credentials, key, value });
export const credentialOf = (view: View, key: string): Credential | undefined => view.derived(credentials, key) as Credential | undefined;

type Data = Readonly<Record<string, Uint8Array>>;

/** The credential in a Secret's data, in the forms that gateways take: `kubernetes.io/tls`, or generic with `cert`, `key`, `cacert` (Istio "Secure Gateways"). */
export function credentialIn(data: Data): Credential {
  const first = (...names: string[]): Uint8Array | undefined => names.map((name) => data[name]).find((value) => value !== undefined && value.length > 0);
  const found = {
    certificate: first('tls.crt', 'cert'), key: first('tls.key', 'key'), roots: first('ca.crt', 'cacert'), revoked: first('ca.crl', 'crl'),
  };
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined));
}
