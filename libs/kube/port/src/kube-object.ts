/** An object as the API server gives it, as far as the mesh's services look at every kind alike. */
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

/** A kind of objects, as the paths of the API name it. */
export interface KubeResource {
  /** Empty for the core group. */
  readonly group: string;
  /** Those that a client understands, the preferred one first; the first that the API server serves is used. */
  readonly versions: readonly string[];
  readonly plural: string;
  readonly clusterScoped?: boolean;
}

/** Which object; `namespace` is absent for objects of the whole cluster. */
export interface KubeName {
  readonly namespace?: string;
  readonly name: string;
}

/** Names a resource to a person as RBAC does: `services`, `gateways.networking.istio.io`. */
export const describeResource = ({ group, plural }: KubeResource): string =>
  group === '' ? plural : `${plural}.${group}`;

/** Names an object to a person: `shop/cart`, or `cart` for an object of the whole cluster. */
export const describeName = ({ namespace, name }: KubeName): string =>
  namespace === undefined ? name : `${namespace}/${name}`;
