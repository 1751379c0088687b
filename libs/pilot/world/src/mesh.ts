import { defaultMeshConfig, type MeshConfig, type MeshNetworks } from '@flotilla/model';
import type { RegistryOptions } from '@flotilla/pilot-registry';
import { worldQuery, type View } from './view.ts';

/** The DNS suffix of Kubernetes names, and the name of the one cluster this pilot serves. */
export const domain = 'cluster.local';
export const clusterId = 'Kubernetes';
export const systemNamespace = 'istio-system';

export const mesh = worldQuery('mesh', (view): MeshConfig => view.get('mesh-config', 'istio-system/istio')?.spec ?? defaultMeshConfig());
export const meshNetworks = worldQuery('mesh-networks', (view): MeshNetworks => view.get('mesh-networks', 'istio-system/istio')?.spec ?? {});

/** One top-level setting: who reads it isn't touched by the others. */
export const meshSetting = worldQuery('mesh-setting', (view, key: keyof MeshConfig & string) => view.query(mesh, '')[key]);
export const setting = <K extends keyof MeshConfig & string>(view: View, key: K): MeshConfig[K] => view.query(meshSetting, key) as MeshConfig[K];

export const rootNamespace = (view: View): string => setting(view, 'rootNamespace') || systemNamespace;
export const trustDomain = (view: View): string => setting(view, 'trustDomain') || 'cluster.local';

export const registryOptions = worldQuery('registry-options', (view): RegistryOptions => ({
  domain, clusterId, trustDomain: trustDomain(view), defaultServiceExportTo: setting(view, 'defaultServiceExportTo') ?? ['*'],
}));

/** The network of a workload without a network label: the system namespace's label, or the one that mesh networks give this registry. */
export const defaultNetwork = worldQuery('default-network', (view): string => {
  const labelled = view.get('namespaces', `/${systemNamespace}`)?.meta.labels?.['topology.istio.io/network'];
  if (labelled) return labelled;
  const networks = Object.entries(view.query(meshNetworks, '').networks ?? {});
  return networks.find(([, { endpoints }]) => endpoints?.some(({ fromRegistry }) => fromRegistry === clusterId))?.[0] ?? '';
});
