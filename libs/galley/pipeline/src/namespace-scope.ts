import { customKinds, type AnyResource, type Collection, type ObjectId } from '@flotilla/model';
import { selectsNamespace, type LabelSelector } from '@flotilla/rules';
import { deepEqual } from '@flotilla/std';

/** Istio's own kinds. */
const scoped = new Set<Collection>(customKinds.map(({ collection }) => collection));

/**
 * Which objects of Istio's own kinds are in force where ENABLE_ENHANCED_RESOURCE_SCOPING is on: with discoverySelectors
 * in the mesh configuration, those in namespaces that one of the selectors selects, in each cluster by its own
 * Namespaces (Istio 1.16 release notes; off by default before 1.22). For Services, EndpointSlices and pods, pilot
 * decides, regardless of this setting.
 */
export class NamespaceScope {
  #selectors: readonly LabelSelector[] = [];
  readonly #labels = new Map<string, Readonly<Record<string, string>>>();

  /** Reads the current Namespaces and mesh configuration; returns whether decisions may have changed. */
  take(objects: readonly { readonly id: ObjectId; readonly resource: AnyResource | undefined }[]): boolean {
    let isChanged = false;
    for (const { id, resource } of objects) {
      if (resource?.collection === 'mesh-config' || id.collection === 'mesh-config') {
        const selectors = (resource?.collection === 'mesh-config' && resource.spec.discoverySelectors) || [];
        isChanged ||= !deepEqual(selectors, this.#selectors);
        this.#selectors = selectors;
      } else if (id.collection === 'namespaces') {
        const place = placeOf(id.key.cluster, id.key.name);
        const labels = resource && (resource.meta.labels ?? {});
        if (deepEqual(labels, this.#labels.get(place))) continue;
        isChanged ||= this.#selectors.length > 0;
        if (labels) this.#labels.set(place, labels);
        else this.#labels.delete(place);
      }
    }
    return isChanged;
  }

  /** Whether this scope applies to objects of a collection. */
  concerns(collection: Collection): boolean {
    return scoped.has(collection);
  }

  includes({ collection, key }: Pick<ObjectId, 'collection' | 'key'>): boolean {
    if (this.#selectors.length === 0 || !scoped.has(collection)) return true;
    const labels = this.#labels.get(placeOf(key.cluster, key.namespace));
    return labels !== undefined && this.#selectors.some((selector) => selectsNamespace(selector, labels));
  }
}

const placeOf = (cluster: string, namespace: string): string => `${cluster}|${namespace}`;
