import { objectKey, type ObjectKey, type Resource } from '@flotilla/model';
import { selectsNamespace } from '@flotilla/rules';
import { setting } from './mesh-settings.ts';
import { worldQuery, type View } from './view.ts';

/** Whether one of the mesh's discoverySelectors selects a namespace. Key: the Namespace. */
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
 * Whether Services, EndpointSlices and pods of a namespace are part of the mesh: with discoverySelectors in the mesh
 * configuration, only if one of them selects the namespace, in each cluster by its own Namespaces (Istio's
 * DiscoveryNamespacesFilter). Istio's own objects are galley's to leave out.
 */
export const isDiscovered = (
  view: View,
  { namespace, cluster }: { readonly namespace: string; readonly cluster: string },
): boolean =>
  !setting(view, 'discoverySelectors')?.length ||
  view.query(isSelectedNamespace, objectKey({ namespace: '', name: namespace, cluster }));

/** Those of the objects whose namespaces are part of the mesh. */
export const discovered = (view: View, objects: readonly ObjectKey[]): readonly ObjectKey[] =>
  setting(view, 'discoverySelectors')?.length ? objects.filter((object) => isDiscovered(view, object)) : objects;

/** A pod; undefined when its namespace is not part of the mesh. */
export const discoveredPod = (view: View, key: ObjectKey): Resource<'pods'> | undefined =>
  isDiscovered(view, key) ? view.get('pods', key) : undefined;
