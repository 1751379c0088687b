import type { KubeObject } from './kube-object.ts';

/** Which objects of a kind are listed and watched, and how much of them: all, unless narrowed. */
export interface Selection {
  readonly namespace?: string;
  /** The API's parameter of this name: `istio.io/rev=canary`. */
  readonly labelSelector?: string;
  /** The API's parameter of this name: `metadata.name=istio`. */
  readonly fieldSelector?: string;
  /**
   * Gives objects with nothing but metadata; kind and version are then those of PartialObjectMetadata (Kubernetes API
   * concepts, "Metadata-only fetches").
   */
  readonly metadataOnly?: boolean;
}

/**
 * What a watch reports. It begins with `listing`, then the objects that exist, then `synced`; after that come changes.
 * Another `listing` begins the complete state again: objects that are not found before the next `synced` are gone.
 */
export type WatchEvent =
  | { readonly type: 'listing' }
  | { readonly type: 'found'; readonly object: KubeObject }
  /** The object in its last state. */
  | { readonly type: 'gone'; readonly object: KubeObject }
  /** `served` is false when the API server does not have the kind: nothing is found until its CRD exists. */
  | { readonly type: 'synced'; readonly served: boolean }
  /**
   * The API server cannot be reached, or refuses; what is known stays in force. `since` (epoch ms) is when it last
   * answered.
   */
  | { readonly type: 'away'; readonly since: number; readonly reason: string }
  /** The API server answers again. */
  | { readonly type: 'back' };
