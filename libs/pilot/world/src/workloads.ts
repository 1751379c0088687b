import {
  entryInstance,
  podInstance,
  type EndpointSources,
  type RegistryOptions,
  type Service,
  type WorkloadInstance,
} from '@flotilla/pilot-registry';
import { selects } from '@flotilla/rules';
import { registryOptions } from './mesh-settings.ts';
import { networkOf } from './networks.ts';
import { worldQuery, type View } from './view.ts';

export type Sources = EndpointSources & { readonly options: RegistryOptions };

export const endpointSources = (view: View): Sources => ({
  options: view.query(registryOptions, ''),
  pod: ({ namespace, name, ip }) => {
    if (name) return view.get('pods', `${namespace}/${name}`);
    const key = view.index('pods', 'ip', ip).find((pod) => view.get('pods', pod)?.spec.hostNetwork !== true);
    const found = key === undefined ? undefined : view.get('pods', key);
    return found?.meta.namespace === namespace ? found : undefined;
  },
  node: (name) => view.get('nodes', `/${name}`),
  network: (ip) => networkOf(view, ip),
});

/** A WorkloadEntry as services pick it; undefined while it isn't healthy. */
export const entryWorkload = worldQuery('workload-of-entry', (view, key): WorkloadInstance | undefined => {
  const resource = view.get('workload-entries', key);
  return resource && entryInstance(resource, endpointSources(view));
});

/** A pod as ServiceEntries pick it; undefined while it isn't ready. */
const podWorkload = worldQuery('workload-of-pod', (view, key): WorkloadInstance | undefined => {
  const pod = view.get('pods', key);
  return pod && podInstance(pod, endpointSources(view));
});

/** The WorkloadEntries that a service selects in its namespace. */
export const selectedEntries = (view: View, { namespace, labelSelectors }: Service): WorkloadInstance[] =>
  Object.keys(labelSelectors).length === 0
    ? []
    : view
        .index('workload-entries', 'namespace', namespace)
        .flatMap((key) => view.query(entryWorkload, key) ?? [])
        .filter(({ labels }) => selects(labelSelectors, labels));

/** The pods that a ServiceEntry selects in its namespace. */
export const selectedPods = (view: View, { namespace, labelSelectors }: Service): WorkloadInstance[] =>
  Object.keys(labelSelectors).length === 0
    ? []
    : view
        .index('pods', 'namespace', namespace)
        .flatMap((key) => view.query(podWorkload, key) ?? [])
        .filter(({ labels }) => selects(labelSelectors, labels));
