import { objectKey, type ObjectKey, type Resource } from '@flotilla/model';
import { labelSelectorSelects, type LabelSelector } from '@flotilla/rules';
import { setting } from './mesh-settings.ts';
import { worldQuery, type View } from './view.ts';

/** In Kubernetes a selector without conditions selects everything. */
const selectsNamespace = (selector: LabelSelector, labels: Readonly<Record<string, string>>): boolean =>
  (Object.keys(selector.matchLabels ?? {}).length === 0 && !selector.matchExpressions?.length) ||
  labelSelectorSelects(selector, labels);

/** Does a selector of the mesh select a namespace? Key: the Namespace. */
const isSelectedNamespace = worldQuery('discovered-namespace', (view, key: ObjectKey): boolean => {
  const namespace = view.get('namespaces', key);
  return (
    namespace !== undefined &&
    (setting(view, 'discoverySelectors') ?? []).some((selector) =>
      selectsNamespace(selector, namespace.meta.labels ?? {}),
    )
  );
});

/**
 * Do Services, EndpointSlices and pods of a namespace count? With discoverySelectors in the mesh's configuration only
 * those of namespaces that one of them selects, in each cluster by its own Namespaces (Istio's
 * DiscoveryNamespacesFilter). Istio's own objects count wherever they are: Istio leaves out only those that it reads
 * from an API server.
 */
export const isDiscovered = (
  view: View,
  { namespace, cluster }: { readonly namespace: string; readonly cluster: string },
): boolean =>
  !setting(view, 'discoverySelectors')?.length ||
  view.query(isSelectedNamespace, objectKey({ namespace: '', name: namespace, cluster }));

/** Those that count. */
export const discovered = (view: View, objects: readonly ObjectKey[]): readonly ObjectKey[] =>
  setting(view, 'discoverySelectors')?.length ? objects.filter((object) => isDiscovered(view, object)) : objects;

/** A pod that counts. */
export const discoveredPod = (view: View, key: ObjectKey): Resource<'pods'> | undefined =>
  isDiscovered(view, key) ? view.get('pods', key) : undefined;
