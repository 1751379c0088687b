/** Where a control plane is installed; the same for all of its services. */
export interface Installation {
  /** The id of the cluster that it reads its configuration from (Istio's CLUSTER_ID). */
  readonly clusterId: string;
  /** The DNS suffix of Kubernetes' names (Istio's `--domain`). */
  readonly domain: string;
  /** The namespace that it runs in (Istio's POD_NAMESPACE). */
  readonly systemNamespace: string;
}

/** Istio's defaults. */
export const defaultInstallation: Installation = {
  clusterId: 'Kubernetes',
  domain: 'cluster.local',
  systemNamespace: 'istio-system',
};
