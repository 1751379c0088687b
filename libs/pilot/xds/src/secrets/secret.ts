import type { Credential } from '@flotilla/model';
import { credentialOf, worldQuery, type View } from '@flotilla/pilot-world';
import { encode, envoy } from '@flotilla/proto-gen/envoy';
import { sameResource, xdsResource, type XdsResource } from '../resource.ts';

const { Secret } = envoy.extensions.transport_sockets.tls.v3;
const rootsSuffix = '-cacert';

/** The namespace of the identity that a stream has proved; undefined when it has proved none. */
const namespaceOf = (identity: string | undefined): string | undefined => /^spiffe:\/\/[^/]+\/ns\/([^/]+)\/sa\/[^/]+$/.exec(identity ?? '')?.[1];

/**
 * A Secret of Kubernetes, `kubernetes://name` or `kubernetes-gateway://namespace/name`, as Envoy's secret: the certificate with its key, or with the
 * suffix `-cacert` the roots. Only for a proxy that has proved an identity of the Secret's namespace (Istio "Secure Gateways"); undefined otherwise,
 * and for what isn't there.
 */
export const secret = worldQuery('secret', (view, name): XdsResource | undefined => {
  const [, path] = /^kubernetes(?:-gateway)?:\/\/(.+)$/.exec(name) ?? [];
  const own = namespaceOf(view.attr('identity'));
  if (path === undefined || own === undefined) return undefined;
  const slash = path.indexOf('/');
  const namespace = slash < 0 ? own : path.slice(0, slash);
  const found = namespace === own ? find(view, namespace, path.slice(slash + 1)) : undefined;
  return found && xdsResource(name, encode(Secret, { name, ...found }));
}, { equals: sameResource });

/** Roots stand in a Secret of their own, `name-cacert`, or, where there is none of that name, beside the certificate. */
function find(view: View, namespace: string, name: string): envoy.extensions.transport_sockets.tls.v3.ISecret | undefined {
  const named = credentialOf(view, `${namespace}/${name}`);
  if (!name.endsWith(rootsSuffix)) return certificate(named);
  return roots(named ?? credentialOf(view, `${namespace}/${name.slice(0, -rootsSuffix.length)}`));
}

function certificate({ certificate: chain, key, staple }: Credential = {}): envoy.extensions.transport_sockets.tls.v3.ISecret | undefined {
  return chain && key ? { tlsCertificate: { certificateChain: { inlineBytes: chain }, privateKey: { inlineBytes: key }, ...(staple ? { ocspStaple: { inlineBytes: staple } } : {}) } } : undefined;
}

function roots({ roots: trusted, revoked }: Credential = {}): envoy.extensions.transport_sockets.tls.v3.ISecret | undefined {
  return trusted && { validationContext: { trustedCa: { inlineBytes: trusted }, ...(revoked ? { crl: { inlineBytes: revoked } } : {}) } };
}
