import type { ControlPlane, SpiffeIdentity } from '@flotilla/rules';

/** The services of the control plane. Each has a ServiceAccount and a Kubernetes Service of the same name. */
const services = new Set(['citadel', 'galley', 'istiod', 'nats', 'pilot', 'sidecar-injector']);

export interface ServiceNamesOptions extends ControlPlane {
  /** DNS suffix of the cluster. */
  readonly domain: string;
}

/** Whether an identity is a service of this control plane: a known ServiceAccount in the system namespace. */
export const isControlPlaneService = (
  { trustDomain, namespace, serviceAccount }: SpiffeIdentity,
  controlPlane: ControlPlane,
): boolean =>
  trustDomain === controlPlane.trustDomain &&
  namespace === controlPlane.systemNamespace &&
  services.has(serviceAccount);

/**
 * The DNS names of the Kubernetes Service in front of a service of the control plane, in every form that clients in the
 * cluster may use (Kubernetes, "DNS for Services and Pods"), and for pilot also Istio's old name, `istio-pilot`.
 */
export function serviceNames({ serviceAccount, namespace }: SpiffeIdentity, domain: string): readonly string[] {
  const names = [serviceAccount, `istio-${serviceAccount}`];
  return [
    ...names.map((name) => `${name}.${namespace}.svc`),
    ...names.map((name) => `${name}.${namespace}.svc.${domain}`),
    `${serviceAccount}.${namespace}`,
    serviceAccount,
  ];
}
