/** An object as it is applied to a cluster. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Labels;
    readonly annotations?: Labels;
  };
  readonly [field: string]: unknown;
}
export type Labels = Readonly<Record<string, string>>;

/** What differs between installations; everything else is the same in all. */
export interface ManifestOptions {
  /** The registry and folder of the images. */
  readonly hub: string;
  readonly tag: string;
  /** The namespace of the control plane. */
  readonly namespace: string;
  /** The DNS suffix of the cluster. */
  readonly domain: string;
  readonly trustDomain: string;
}

export const defaultManifestOptions: ManifestOptions = {
  hub: 'localhost/flotilla',
  tag: 'dev',
  namespace: 'istio-system',
  domain: 'cluster.local',
  trustDomain: 'cluster.local',
};

/** A port of a service, and of its Kubernetes Service. */
export interface ServicePort {
  readonly name: string;
  readonly port: number;
  /** The port of the container, if it differs. */
  readonly containerPort?: number;
  /** The services that may connect; without this, anybody may. */
  readonly from?: readonly string[];
  /** For the documentation. */
  readonly purpose: string;
}

/** Kubernetes' PolicyRule, and what the right is for. */
export interface Right {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames?: readonly string[];
}

/** What a service may do at the API server. */
export interface Rights {
  readonly cluster: readonly Right[];
  /** In the namespace of the control plane alone. */
  readonly namespace: readonly Right[];
}

/** A volume and where it is mounted. */
export interface Mount {
  readonly name: string;
  readonly path: string;
  readonly source: Readonly<Record<string, unknown>>;
}

/** One service of the control plane: everything that is specific to it in the manifests. */
export interface ServiceSpec {
  /** The name of its Deployment (or StatefulSet), ServiceAccount, Service and image. */
  readonly name: string;
  readonly args: readonly string[];
  readonly env?: readonly Readonly<Record<string, unknown>>[];
  readonly ports: readonly ServicePort[];
  readonly rights: Rights;
  /** A number, or bounds between which the CPU decides. */
  readonly replicas: number | { readonly least: number; readonly most: number };
  /** Resource requests, from measurements. */
  readonly requests: { readonly cpu: string; readonly memory: string };
  readonly mounts: readonly Mount[];
  /** Storage that each replica keeps: such a service is a StatefulSet. */
  readonly storage?: { readonly path: string; readonly size: string };
  readonly probes: Probes;
  /** Additional labels of its Service and pods, by which other tools find it. */
  readonly labels?: Labels;
}

export interface Probes {
  readonly startup: object;
  readonly liveness: object;
  readonly readiness: object;
}
