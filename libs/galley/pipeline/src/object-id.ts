import {
  defaultInstallation,
  keyOf,
  meshObjectKey,
  objectKey,
  type AnyResource,
  type Collection,
  type ObjectId,
  type ObjectKey,
} from '@flotilla/model';

/** The cluster that configuration is read from, by Istio's name for a mesh of one cluster (CLUSTER_ID). */
export const configCluster = defaultInstallation.clusterId;

/** An id as a key of maps. The one place where these are made. */
export const textOfId = ({ collection, key }: Pick<ObjectId, 'collection' | 'key'>): string =>
  `${key.cluster}|${collection}|${key.namespace}/${key.name}`;

/** Which object a resource is. */
export const idOfResource = ({ collection, meta }: AnyResource): ObjectId => ({
  cluster: meta.cluster,
  collection,
  key: keyOf(meta),
});

/** How a message names an object: `services shop/web`, with its cluster when that is not `own`. */
export function nameOfId(
  { collection, key }: Pick<ObjectId, 'collection' | 'key'>,
  ownCluster = configCluster,
): string {
  const name = `${collection} ${key.namespace}/${key.name}`;
  return key.cluster === '' || key.cluster === ownCluster ? name : `${name} of cluster ${key.cluster}`;
}

/** What objects of all clusters have in common. */
export interface ObjectName {
  readonly collection: Collection;
  readonly namespace: string;
  readonly name: string;
}

/** The key of an object that is found in a cluster. The mesh's own configuration belongs to no cluster. */
export const keyOfName = ({ collection, namespace, name }: ObjectName, cluster: string): ObjectKey =>
  collection === 'mesh-config' || collection === 'mesh-networks'
    ? meshObjectKey
    : objectKey({ namespace, name, cluster });
