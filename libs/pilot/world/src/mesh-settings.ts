import {
  defaultMeshConfig,
  meshObjectKey,
  objectKey,
  type Installation,
  type MeshConfig,
  type MeshNetworks,
} from '@flotilla/model';
import type { RegistryOptions } from '@flotilla/pilot-registry';
import { installation } from './store.ts';
import { worldQuery, type View } from './view.ts';

/** Where this control plane is installed; it does not change while pilot runs. */
export const installationOf = (view: View): Installation => view.derived(installation, '') as Installation;
/** The DNS suffix of Kubernetes' names. */
export const domainOf = (view: View): string => installationOf(view).domain;

/** The cluster of a proxy; that of the configuration for one that does not say. */
export const clusterOf = (view: View): string => view.attr('clusterId') || installationOf(view).clusterId;

export const mesh = worldQuery(
  'mesh',
  (view): MeshConfig => view.get('mesh-config', meshObjectKey)?.spec ?? defaultMeshConfig(),
);
export const meshNetworks = worldQuery(
  'mesh-networks',
  (view): MeshNetworks => view.get('mesh-networks', meshObjectKey)?.spec ?? {},
);

/** One top-level setting: its readers are not affected by the others. */
const meshSetting = worldQuery('mesh-setting', (view, key: keyof MeshConfig & string) => view.query(mesh, '')[key]);
export const setting = <K extends keyof MeshConfig & string>(view: View, key: K): MeshConfig[K] =>
  view.query(meshSetting, key) as MeshConfig[K];

export const rootNamespace = (view: View): string =>
  setting(view, 'rootNamespace') || installationOf(view).systemNamespace;
export const trustDomain = (view: View): string => setting(view, 'trustDomain') || 'cluster.local';

/** What the registry of a cluster goes by. */
export const registryOptions = worldQuery('registry-options', (view, clusterId): RegistryOptions => ({
  domain: domainOf(view),
  clusterId,
  trustDomain: trustDomain(view),
  defaultServiceExportTo: setting(view, 'defaultServiceExportTo') ?? ['*'],
}));

/** The network that mesh networks give a cluster's whole registry; empty for none. Key: the cluster. */
export const registryNetwork = worldQuery(
  'registry-network',
  (view, clusterId): string =>
    Object.entries(view.query(meshNetworks, '').networks ?? {}).find(([, { endpoints }]) =>
      endpoints?.some(({ fromRegistry }) => fromRegistry === clusterId),
    )?.[0] ?? '',
);

/**
 * The network of all workloads of a cluster without a network label: its system namespace's label, or the registry's.
 * Empty where addresses decide. Key: the cluster.
 */
export const defaultNetwork = worldQuery('default-network', (view, cluster): string => {
  const name = installationOf(view).systemNamespace;
  const namespace = view.get('namespaces', objectKey({ namespace: '', name, cluster }));
  return namespace?.meta.labels?.['topology.istio.io/network'] || view.query(registryNetwork, cluster);
});
