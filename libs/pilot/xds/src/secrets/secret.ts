import { rootsSuffix, type Credential } from '@flotilla/model';
import { credentialOf, worldQuery } from '@flotilla/pilot-world';
import type { envoy } from '@flotilla/proto-gen/envoy';
import { finish } from '../finish/finish.ts';
import { sameResource, type XdsResource } from '../resource.ts';
import { secretAccess } from './access.ts';

/**
 * A Secret of Kubernetes as Envoy's secret: the certificate with its key, or with the suffix `-cacert` the roots (Istio
 * "Secure Gateways"). Undefined where secretAccess refuses the name, and for a Secret that isn't there.
 */
export const secret = worldQuery(
  'secret',
  (view, name): XdsResource | undefined => {
    const access = view.query(secretAccess, name);
    if (!('key' in access)) return undefined;
    const credential = credentialOf(view, access.key);
    const found = access.key.endsWith(rootsSuffix) ? roots(credential) : certificate(credential);
    return found && finish(view, { kind: 'sds', name, message: { name, ...found } });
  },
  { equals: sameResource },
);

function certificate({ certificate: chain, key, staple }: Credential = {}):
  envoy.extensions.transport_sockets.tls.v3.ISecret | undefined {
  return chain && key
    ? {
        tlsCertificate: {
          certificateChain: { inlineBytes: chain },
          privateKey: { inlineBytes: key },
          ...(staple ? { ocspStaple: { inlineBytes: staple } } : {}),
        },
      }
    : undefined;
}

function roots({ roots: trusted, revoked }: Credential = {}):
  envoy.extensions.transport_sockets.tls.v3.ISecret | undefined {
  return (
    trusted && {
      validationContext: { trustedCa: { inlineBytes: trusted }, ...(revoked ? { crl: { inlineBytes: revoked } } : {}) },
    }
  );
}
