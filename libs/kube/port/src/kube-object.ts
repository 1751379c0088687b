/** An object as the API server returns it, with the fields that all kinds have in common. */
export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: KubeMetadata;
  readonly [field: string]: unknown;
}

/** Kubernetes API conventions, "Metadata". */
export interface KubeMetadata {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly [field: string]: unknown;
}

/** A kind of object, as it is named in the paths of the API. */
export interface KubeResource {
  /** Empty for the core group. */
  readonly group: string;
  /**
   * The versions that a client understands, the preferred one first. A watch uses the first that the API server serves,
   * every other request the first.
   */
  readonly versions: readonly string[];
  readonly plural: string;
  readonly clusterScoped?: boolean;
}

/** A kind of a cluster; `versions` are those that the API server serves, the preferred one first. */
export interface ServedKind extends KubeResource {
  readonly kind: string;
}

/** The name of an object; `namespace` is absent for cluster-scoped objects. */
export interface KubeName {
  readonly namespace?: string;
  readonly name: string;
}

/** Names a resource to a person as RBAC does: `services`, `gateways.networking.istio.io`. */
export const describeResource = ({ group, plural }: KubeResource): string =>
  group === '' ? plural : `${plural}.${group}`;

/** Names an object to a person: `shop/cart`, or `cart` for a cluster-scoped object. */
export const describeName = ({ namespace, name }: KubeName): string =>
  namespace === undefined ? name : `${namespace}/${name}`;
