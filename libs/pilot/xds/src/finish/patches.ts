import { resourcePatches, worldQuery, type View } from '@flotilla/pilot-world';
import { resourceKey, type Messages, type ResourceKey, type XdsKind } from './kinds.ts';

/** A change that somebody wants in finished resources of one kind, as an EnvoyFilter does. */
export interface Patch<K extends XdsKind = XdsKind> {
  readonly kind: K;
  /** Patches apply in ascending order of this number, and in the order of their keys where it is the same. */
  readonly priority: number;
  /**
   * Whether the patch applies to this proxy's resource of that name. Everything that it reads of the proxy is tracked.
   */
  concerns(view: View, name: string): boolean;
  /** A patched copy. Messages share parts, so none may be changed in place. */
  apply(message: Messages[K]): Messages[K];
}

/** Every patch of a kind, in the order in which they apply. */
const patchesOfKind = worldQuery('patches-of-kind', (view, kind: XdsKind): readonly Patch[] =>
  view
    .derivedIndex(resourcePatches, 'kind', kind)
    .map((key) => view.derived(resourcePatches, key) as Patch)
    .sort((a, b) => a.priority - b.priority),
);

/**
 * The patches that apply to one resource, in order. This is what keeps a new patch from making resources again that it
 * does not concern: for them the result comes out equal.
 */
const patchesOfResource = worldQuery('patches-of-resource', (view, { kind, name }: ResourceKey): readonly Patch[] =>
  view.query(patchesOfKind, kind).filter((patch) => patch.concerns(view, name)),
);

export const patchesOf = <K extends XdsKind>(view: View, kind: K, name: string): readonly Patch<K>[] =>
  view.query(patchesOfResource, resourceKey({ kind, name })) as unknown as readonly Patch<K>[];

export const isPatched = (view: View, kind: XdsKind, name: string): boolean => patchesOf(view, kind, name).length > 0;
