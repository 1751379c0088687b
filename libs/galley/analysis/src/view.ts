import type { Collection, Installation, ObjectKey, Resource, UnservedCredential } from '@flotilla/model';
import type { Query, QueryKey } from '@flotilla/query';

/** What galley's queries read: objects as they are in force. */
export interface View {
  get<C extends Collection>(collection: C, key: ObjectKey): Resource<C> | undefined;
  /** Where galley is installed; it does not change while galley runs. */
  get(collection: 'installation', key: ''): Installation | undefined;
  /** What pilots report of the credentials that an object names, by `credentialsKey`. */
  get(collection: 'unserved-credentials', key: string): readonly UnservedCredential[] | undefined;
  /** Keys of the objects that an index of `createGalleyStore` files under a text, in order. */
  index(collection: Collection, index: string, key: string): readonly ObjectKey[];
  list(collection: Collection): readonly ObjectKey[];
  query<K extends QueryKey, R>(query: Query<K, R, View>, key: K): R;
}

/** The objects that an index files under a text. */
export const filed = <C extends Collection>(
  view: View,
  collection: C,
  [index, key]: readonly [index: string, key: string],
): readonly Resource<C>[] =>
  view.index(collection, index, key).flatMap((one) => {
    const resource = view.get(collection, one);
    return resource ? [resource] : [];
  });
