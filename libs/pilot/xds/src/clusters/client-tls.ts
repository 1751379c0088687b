import type { ClientTLSSettings } from '@flotilla/model';
import { instancesKeyOf } from '@flotilla/pilot-registry';
import { instancesOfPort, ownCertificate, serviceAccountsOf, setting, type View } from '@flotilla/pilot-world';
import { namespaceMtlsMode } from '../authn/mtls-mode.ts';
import { passthroughName } from '../cluster-name.ts';
import type { OutboundCluster } from './outbound-cluster.ts';

type TlsOf = Pick<OutboundCluster, 'service' | 'port' | 'policy' | 'inferFrom' | 'subset'> & {
  readonly withSelector: boolean;
};

/**
 * A rule's TLS, made whole; without one, automatic mTLS where the mesh has it and the service may have sidecars
 * (Istio's buildAutoMtlsSettings).
 */
export function tlsOf(
  view: View,
  { service, port, policy, inferFrom, subset, withSelector }: TlsOf,
): { settings: ClientTLSSettings; automatic: boolean; credentials: boolean } | undefined {
  const sni = passthroughName({ port: port.port, subset: subset?.name, host: service.hostname });
  const accounts = (): readonly string[] => view.query(serviceAccountsOf, instancesKeyOf(service, port));
  const given = policy?.tls;
  const credentials = view.attr('type') === 'router' || withSelector;
  const files = ownCertificate(view, 'CLIENT');
  const mutual = files.certificate
    ? {
        mode: 'MUTUAL' as const,
        clientCertificate: files.certificate,
        privateKey: files.key,
        caCertificates: files.roots,
      }
    : undefined;
  if (given) {
    // As Istio has it, files make a rule's settings the rule's alone: no names are added.
    if ((given.mode === 'ISTIO_MUTUAL' || given.mode === 'MUTUAL') && mutual)
      return {
        settings: { ...mutual, ...(given.sni ? { sni: given.sni } : {}), subjectAltNames: given.subjectAltNames ?? [] },
        automatic: false,
        credentials,
      };
    if (given.mode === 'ISTIO_MUTUAL')
      return {
        settings: {
          ...given,
          sni: given.sni || sni,
          subjectAltNames: given.subjectAltNames?.length ? given.subjectAltNames : accounts(),
        },
        automatic: false,
        credentials,
      };
    const ownNames =
      service.registry === 'External' && !given.subjectAltNames?.length ? { subjectAltNames: accounts() } : {};
    return { settings: { ...given, ...ownNames }, automatic: false, credentials };
  }
  if (
    service.meshExternal ||
    setting(view, 'enableAutoMtls') === false ||
    inferredMode(view, { service, port, policy: inferFrom }) === 'DISABLE'
  )
    return undefined;
  if (mutual) return { settings: { ...mutual, sni, subjectAltNames: accounts() }, automatic: false, credentials };
  return { settings: { mode: 'ISTIO_MUTUAL', sni, subjectAltNames: accounts() }, automatic: true, credentials };
}

/**
 * Istio's BestEffortInferServiceMTLSMode: what is passed through must have a sidecar at every endpoint; else the
 * namespace's mode.
 */
function inferredMode(
  view: View,
  { service, port, policy }: Pick<OutboundCluster, 'service' | 'port' | 'policy'>,
): string {
  if (service.resolution === 'Passthrough' || policy?.loadBalancer?.simple === 'PASSTHROUGH') {
    const endpoints = view.query(instancesOfPort, instancesKeyOf(service, port));
    if (endpoints.length === 0 || endpoints.some(({ tlsMode }) => tlsMode === 'disabled')) return 'DISABLE';
  }
  return view.query(namespaceMtlsMode, service.namespace) ?? 'PERMISSIVE';
}
