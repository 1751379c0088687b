import { objectKey, type ObjectKey } from '@flotilla/model';
import {
  entryInstance,
  podInstance,
  type EndpointSources,
  type RegistryOptions,
  type Service,
  type WorkloadInstance,
} from '@flotilla/pilot-registry';
import { defineKey, type KeyOf } from '@flotilla/query';
import { selects } from '@flotilla/rules';
import { compareText } from '@flotilla/std';
import { discoveredPod } from './discovery.ts';
import { registryOptions } from './mesh-settings.ts';
import { networkOf } from './networks.ts';
import { worldQuery, type View } from './view.ts';

export type Sources = EndpointSources & { readonly options: RegistryOptions };

/** What is known of workloads of a cluster. */
export const endpointSources = (view: View, cluster: string): Sources => ({
  options: view.query(registryOptions, cluster),
  pod: ({ namespace, name, ip }) => {
    if (name) return discoveredPod(view, objectKey({ namespace, name, cluster }));
    const key = podAt(view, ip, cluster);
    return key?.namespace === namespace ? view.get('pods', key) : undefined;
  },
  node: (name) => view.get('nodes', nodeKey(name, cluster)),
  network: (ip) => networkOf(view, { ip, cluster }),
});

export const nodeKey = (name: string, cluster: string): ObjectKey => objectKey({ namespace: '', name, cluster });

/** The pod of a cluster that has an address of its own. */
export const podAt = (view: View, ip: string, cluster: string): ObjectKey | undefined =>
  view.index('pods', 'ip', ip).find((key) => {
    const pod = key.cluster === cluster ? discoveredPod(view, key) : undefined;
    return pod !== undefined && pod.spec.hostNetwork !== true;
  });

/** A WorkloadEntry as services pick it; undefined while it isn't healthy. */
export const entryWorkload = worldQuery('workload-of-entry', (view, key: ObjectKey): WorkloadInstance | undefined => {
  const resource = view.get('workload-entries', key);
  return resource && entryInstance(resource, endpointSources(view, key.cluster));
});

/** A pod as ServiceEntries pick it; undefined while it isn't ready. */
const podWorkload = worldQuery('workload-of-pod', (view, key: ObjectKey): WorkloadInstance | undefined => {
  const pod = discoveredPod(view, key);
  return pod && podInstance(pod, endpointSources(view, key.cluster));
});

type Selecting = Pick<Service, 'namespace' | 'labelSelectors'>;

/** The WorkloadEntries that a service selects in its namespace; of one cluster, or of all. */
export const selectedEntries = (
  view: View,
  { namespace, labelSelectors }: Selecting,
  cluster?: string,
): WorkloadInstance[] =>
  Object.keys(labelSelectors).length === 0
    ? []
    : view
        .index('workload-entries', 'namespace', namespace)
        .filter((key) => cluster === undefined || key.cluster === cluster)
        .flatMap((key) => view.query(entryWorkload, key) ?? [])
        .filter(({ labels }) => selects(labelSelectors, labels));

interface SelectionFields {
  readonly namespace: string;
  /** Names of labels with their values, sorted. */
  readonly labels: readonly (readonly [string, string])[];
}
const selectionKey = defineKey<SelectionFields>()('namespace', 'labels');
type SelectionKey = KeyOf<typeof selectionKey>;

/** The workloads that labels select in a namespace: WorkloadEntries of all clusters, then pods. */
const selectedWorkloads = worldQuery('selected-workloads', (view, key: SelectionKey): readonly WorkloadInstance[] => {
  const { namespace } = key;
  const labelSelectors = Object.fromEntries(key.labels);
  return [
    ...selectedEntries(view, { namespace, labelSelectors }),
    ...view
      .index('pods', 'namespace', namespace)
      .flatMap((pod) => view.query(podWorkload, pod) ?? [])
      .filter(({ labels }) => selects(labelSelectors, labels)),
  ];
});

/** The selected workloads by address. */
const selectedByAddress = worldQuery(
  'selected-workloads-by-address',
  (view, key: SelectionKey): ReadonlyMap<string, readonly WorkloadInstance[]> =>
    Map.groupBy(view.query(selectedWorkloads, key), ({ endpoint }) => endpoint.address),
);

/**
 * The workloads that a ServiceEntry selects in its namespace; at one address, or all. ServiceEntries with the same
 * selector share them.
 */
export function workloadsOfEntry(
  view: View,
  { namespace, labelSelectors }: Selecting,
  address?: string,
): readonly WorkloadInstance[] {
  const labels = Object.entries(labelSelectors).sort(([a], [b]) => compareText(a, b));
  if (labels.length === 0) return [];
  const key = selectionKey({ namespace, labels });
  return address === undefined
    ? view.query(selectedWorkloads, key)
    : (view.query(selectedByAddress, key).get(address) ?? []);
}
