import { spiffeOf } from './spiffe.ts';

/** What identifies a control plane: two in different system namespaces do not trust each other. */
export interface ControlPlane {
  readonly trustDomain: string;
  /** The namespace that its services run in. */
  readonly systemNamespace: string;
}

/** The SPIFFE identity of one of its services, whose service account has the service's name. */
export const controlPlaneIdentity = ({ trustDomain, systemNamespace }: ControlPlane, service: string): string =>
  spiffeOf({ trustDomain, namespace: systemNamespace, serviceAccount: service });

/** The DNS name of the Kubernetes Service before one of its services, without the cluster's suffix. */
export const controlPlaneHost = (service: string, systemNamespace: string): string =>
  `istio-${service}.${systemNamespace}.svc`;
