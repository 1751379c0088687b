import { defineKey, type KeyOf } from '@flotilla/query';

interface ObjectFields {
  /** Empty for cluster-scoped kinds. */
  readonly namespace: string;
  readonly name: string;
  /** The id of the cluster that the object belongs to; empty for what belongs to the mesh. */
  readonly cluster: string;
}

/**
 * Which object of a kind: on the bus, in stores, and wherever one is named. Objects of two clusters have two keys, also
 * when they have one name. Keys are interned: the same object, the same key.
 */
export const objectKey = defineKey<ObjectFields>()('namespace', 'name', 'cluster');
export type ObjectKey = KeyOf<typeof objectKey>;

/** What `mesh-config` and `mesh-networks` hold: one object each, of the mesh as a whole. */
export const meshObject = { namespace: '', name: 'istio', cluster: '' } as const;
export const meshObjectKey = objectKey(meshObject);
