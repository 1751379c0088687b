import { defaultMeshConfig, type MeshConfig, type MeshNetworks } from '@flotilla/model';
import type { RegistryOptions } from '@flotilla/pilot-registry';
import { worldQuery, type View } from './view.ts';

/** The DNS suffix of Kubernetes names, and the name of the one cluster this pilot serves. */
export const domain = 'cluster.local';
export const clusterId = 'Kubernetes';
const systemNamespace = 'istio-system';

export const mesh = worldQuery(
  'mesh',
  (view): MeshConfig => view.get('mesh-config', 'istio-system/istio')?.spec ?? defaultMeshConfig(),
);
export const meshNetworks = worldQuery(
  'mesh-networks',
  (view): MeshNetworks => view.get('mesh-networks', 'istio-system/istio')?.spec ?? {},
);

/** One top-level setting: who reads it isn't touched by the others. */
const meshSetting = worldQuery('mesh-setting', (view, key: keyof MeshConfig & string) => view.query(mesh, '')[key]);
export const setting = <K extends keyof MeshConfig & string>(view: View, key: K): MeshConfig[K] =>
  view.query(meshSetting, key) as MeshConfig[K];

export const rootNamespace = (view: View): string => setting(view, 'rootNamespace') || systemNamespace;
export const trustDomain = (view: View): string => setting(view, 'trustDomain') || 'cluster.local';

export const registryOptions = worldQuery('registry-options', (view): RegistryOptions => ({
  domain,
  clusterId,
  trustDomain: trustDomain(view),
  defaultServiceExportTo: setting(view, 'defaultServiceExportTo') ?? ['*'],
}));

/** The network that mesh networks give this whole registry; empty for none. */
export const registryNetwork = worldQuery(
  'registry-network',
  (view): string =>
    Object.entries(view.query(meshNetworks, '').networks ?? {}).find(([, { endpoints }]) =>
      endpoints?.some(({ fromRegistry }) => fromRegistry === clusterId),
    )?.[0] ?? '',
);

/**
 * The network of all workloads without a network label: the system namespace's label, or the registry's. Empty where
 * addresses decide.
 */
export const defaultNetwork = worldQuery(
  'default-network',
  (view): string =>
    view.get('namespaces', `/${systemNamespace}`)?.meta.labels?.['topology.istio.io/network'] ||
    view.query(registryNetwork, ''),
);
