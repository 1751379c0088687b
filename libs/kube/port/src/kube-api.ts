import type { KubeMetadata, KubeName, KubeObject, KubeResource, ServedKind } from './kube-object.ts';
import type { Selection, WatchEvent } from './watch-event.ts';

/**
 * The part of the Kubernetes API that the mesh's services need. A real API server and the fake obey the same contract
 * (`describeKubeApi` of `@flotilla/testing`). All but `watch` make one attempt and throw KubeError when it fails.
 */
export interface KubeApi {
  /**
   * The objects that exist, then their changes, in the API server's order; events that arrive together are given
   * together. Failures are reported (`away`) and tried again, with growing pauses. Reads no faster than its reader.
   * Ends only when the signal aborts.
   */
  watch(resource: KubeResource, selection: Selection, signal: AbortSignal): AsyncIterable<readonly WatchEvent[]>;
  /**
   * The kinds that the API server serves in the API groups for which `isWanted` returns true, if they can be listed and
   * watched. The core group is not among them. Fails when the signal aborts.
   */
  discover(isWanted: (group: string) => boolean, signal: AbortSignal): Promise<readonly ServedKind[]>;
  /** Undefined when the object, or its kind, does not exist. */
  get(resource: KubeResource, name: KubeName): Promise<KubeObject | undefined>;
  /** Fails with Conflict (409) when it exists. Reviews are created too: the returned object contains the verdict. */
  create(resource: KubeResource, object: NewObject): Promise<KubeObject>;
  /** Fails with Conflict (409) unless the object still has the `resourceVersion` that is given. */
  replace(resource: KubeResource, object: KubeObject): Promise<KubeObject>;
  /** Changes parts of an object. */
  patch(resource: KubeResource, name: KubeName, patch: Patch): Promise<KubeObject>;
  /** Whether there was one. Fails with Conflict (409) when a precondition does not hold. */
  delete(resource: KubeResource, name: KubeName, precondition?: Precondition): Promise<boolean>;
}

/** An object to be created; reviews have no name. */
export interface NewObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata?: Partial<KubeMetadata>;
  readonly [field: string]: unknown;
}

export interface Precondition {
  readonly resourceVersion?: string;
  readonly uid?: string;
}

export type Patch =
  /**
   * Server-side apply (Kubernetes documentation, "Server-Side Apply"): the fields in `body` belong to the manager from
   * then on, and those that it no longer applies are removed. Creates the object when there is none, for which RBAC
   * must allow `create` as well as `patch`. Without `force`, changing a field of another manager is a Conflict (409).
   */
  | {
      readonly type: 'apply';
      readonly fieldManager: string;
      readonly force?: boolean;
      readonly body: object;
      readonly subresource?: 'status';
    }
  /**
   * JSON Merge Patch (RFC 7396). With `metadata.resourceVersion` in its body it is a Conflict (409) unless the object
   * still has that version.
   */
  | { readonly type: 'merge'; readonly body: object; readonly subresource?: 'status' };
