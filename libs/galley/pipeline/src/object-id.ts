import { keyOf, type AnyResource, type Collection, type ObjectId } from '@flotilla/model';

/** The cluster that configuration is read from, by Istio's name for a mesh of one cluster (CLUSTER_ID). */
export const configCluster = 'Kubernetes';

/** An id as a key of maps. The one place where these are made. */
export const textOfId = ({ cluster, collection, key }: ObjectId): string => `${cluster}|${collection}|${key}`;

/** Which object a resource of a cluster is. */
export const idOfResource = ({ collection, meta }: AnyResource, cluster = configCluster): ObjectId => ({
  cluster,
  collection,
  key: keyOf(meta),
});

/** How a message names an object: `services shop/web`, with its cluster when that is not the one of configuration. */
export const nameOfId = ({ cluster, collection, key }: ObjectId): string =>
  cluster === configCluster ? `${collection} ${key}` : `${collection} ${key} of cluster ${cluster}`;

/** What objects of all clusters have in common: their key in a collection. */
export interface ObjectName {
  readonly collection: Collection;
  readonly key: string;
}
