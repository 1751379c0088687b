import type { AnyResource, Collection, ObjectId, ObjectKey, Problem } from '@flotilla/model';
import type { Query, QueryKey } from '@flotilla/query';
import type { View } from './view.ts';

/** What is to be said of an object that depends on others. */
export interface Check {
  readonly name: string;
  /** It is run for each object of this collection. */
  readonly collection: Collection;
  /** What is wrong, with paths in the object. Nothing here refuses the object: what it names may come later. */
  readonly query: Query<ObjectKey, readonly Problem[], View>;
}

/** A resource that is made of others. */
export interface Derived {
  readonly resource: AnyResource;
  /** The object that it is said to come from. */
  readonly owner: ObjectId;
}
/** Makes resources of other kinds of objects: Gateways and VirtualServices of Ingresses, for example. */
export interface Converter {
  readonly name: string;
  /** Names what `convert` is run for: objects, or something that several of them share, such as a host. */
  readonly members: Query<string, readonly QueryKey[], View>;
  readonly convert: Query<QueryKey, readonly Derived[], View>;
}
