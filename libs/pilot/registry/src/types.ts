import type { Protocol } from '@flotilla/rules';
import type { ServiceKey } from './keys.ts';

export interface ServicePort {
  readonly name: string;
  readonly port: number;
  /** `Unsupported` means: to be sniffed. */
  readonly protocol: Protocol;
}

/** How Envoy finds the endpoints of a service. */
export type Resolution = 'ClientSideLB' | 'DNSLB' | 'DNSRoundRobinLB' | 'Passthrough' | 'Alias';

/** One host of the mesh, without its endpoints: what Istio calls model.Service. */
export interface Service {
  readonly key: ServiceKey;
  readonly hostname: string;
  /** The Kubernetes Service's name; for a ServiceEntry its hostname. */
  readonly name: string;
  readonly namespace: string;
  readonly registry: 'Kubernetes' | 'External';
  /** Epoch milliseconds of the object's creation; 0 when unknown. */
  readonly creationTime: number;
  readonly ports: readonly ServicePort[];
  /** `0.0.0.0` when it has none. */
  readonly defaultAddress: string;
  /** All cluster IPs (both families) or ServiceEntry addresses; empty when it has none. */
  readonly addresses: readonly string[];
  /** Where several clusters have the service: the addresses of each that has any (Istio's ClusterVIPs). */
  readonly clusterAddresses?: ReadonlyMap<string, readonly string[]>;
  /** Address for DNS capture, from 240.240/16, when the ServiceEntry has none. */
  readonly autoAllocatedIPv4: string;
  readonly autoAllocatedIPv6: string;
  readonly resolution: Resolution;
  readonly meshExternal: boolean;
  /** '.', '*', '~' or namespaces; already defaulted from the mesh. */
  readonly exportTo: ReadonlySet<string>;
  readonly labels: Readonly<Record<string, string>>;
  readonly labelSelectors: Readonly<Record<string, string>>;
  readonly serviceAccounts: readonly string[];
  readonly k8s: {
    readonly type?: string;
    readonly externalName?: string;
    readonly nodeLocal?: boolean;
    readonly publishNotReadyAddresses?: boolean;
    readonly externalPorts?: Readonly<Record<number, number>>;
  };
}

/** What Istio calls model.IstioEndpoint: one address of one service port. */
export interface Endpoint {
  /** An IP, a DNS name, or an absolute path of a Unix socket. */
  readonly address: string;
  readonly port: number;
  readonly servicePortName: string;
  readonly labels: Readonly<Record<string, string>>;
  /** SPIFFE URI; empty when unknown. */
  readonly serviceAccount: string;
  readonly network: string;
  /** `region/zone/subzone`, `` when unknown. */
  readonly locality: string;
  /** 0 when unset. */
  readonly lbWeight: number;
  readonly tlsMode: 'istio' | 'disabled';
  readonly namespace: string;
  readonly workloadName: string;
  readonly hostName: string;
  readonly subDomain: string;
  readonly health: 'Healthy' | 'UnHealthy' | 'Draining' | 'Unknown';
  readonly clusterId: string;
  readonly nodeName: string;
  /** Only reachable inside its cluster (mesh config serviceSettings, MCS). */
  readonly discoverable: 'always' | 'same-cluster';
}

/**
 * A workload's address as selected by a service: what inbound listeners are made of (model.ServiceTarget /
 * ServiceInstance).
 */
export interface ServiceTarget {
  readonly service: Service;
  readonly port: ServicePort;
  readonly targetPort: number;
  readonly endpoint: Endpoint;
}
