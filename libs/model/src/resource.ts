import type { Kinds } from './kinds.ts';
import { objectKey, type ObjectKey } from './object-key.ts';

/**
 * A name of a collection on the bus and in pilot's World: `<group>/<plural>`, short for what is Istio's or Kubernetes'
 * own.
 */
export type Collection = keyof Kinds;

/** What Kubernetes calls ObjectMeta, as far as the mesh reads it. Times are RFC 3339. */
export interface Meta {
  readonly name: string;
  /** Empty for cluster-scoped kinds. */
  readonly namespace: string;
  /** The id of the cluster that the object belongs to; empty for what belongs to the mesh. */
  readonly cluster: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly creationTimestamp?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  /** Set when the name was made from it: the object belongs to a controller. */
  readonly generateName?: string;
  readonly generation?: number;
  readonly ownerReferences?: readonly OwnerReference[];
}
export interface OwnerReference {
  readonly apiVersion?: string;
  readonly kind: string;
  readonly name: string;
  readonly controller?: boolean;
}

/**
 * One configuration or registry object. `spec` of Istio kinds is canonical proto3 JSON (camelCase, see schema/); of
 * Kubernetes kinds as the API has it.
 */
export interface Resource<C extends Collection = Collection> {
  readonly collection: C;
  readonly apiVersion: string;
  readonly kind: string;
  readonly meta: Meta;
  readonly spec: Kinds[C];
  readonly status?: Kinds[C] extends { status?: infer S } ? S : unknown;
}
/** A resource of some collection, discriminated by `collection`. */
export type AnyResource = { [C in Collection]: Resource<C> }[Collection];

/** The key of a resource in its collection. */
export const keyOf = ({ namespace, name, cluster }: Pick<Meta, 'namespace' | 'name' | 'cluster'>): ObjectKey =>
  objectKey({ namespace, name, cluster });
