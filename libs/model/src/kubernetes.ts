/** Kubernetes' own kinds, as the API has them and as far as the mesh reads them (Kubernetes API reference, v1 and discovery.k8s.io/v1). */
export interface ServicePort { readonly name?: string; readonly port: number; readonly targetPort?: number | string; readonly protocol?: string; readonly appProtocol?: string; readonly nodePort?: number }
export interface Service {
  readonly type?: 'ClusterIP' | 'NodePort' | 'LoadBalancer' | 'ExternalName';
  readonly clusterIP?: string; readonly clusterIPs?: readonly string[]; readonly externalName?: string; readonly externalIPs?: readonly string[];
  readonly selector?: Readonly<Record<string, string>>; readonly ports?: readonly ServicePort[];
  readonly publishNotReadyAddresses?: boolean; readonly internalTrafficPolicy?: string; readonly externalTrafficPolicy?: string; readonly loadBalancerIP?: string;
  readonly status?: { readonly loadBalancer?: { readonly ingress?: readonly { readonly ip?: string; readonly hostname?: string }[] } };
}
export interface EndpointSlice {
  readonly addressType: 'IPv4' | 'IPv6' | 'FQDN';
  readonly endpoints?: readonly {
    readonly addresses: readonly string[]; readonly conditions?: { readonly ready?: boolean; readonly serving?: boolean; readonly terminating?: boolean };
    readonly hostname?: string; readonly nodeName?: string; readonly zone?: string; readonly targetRef?: { readonly kind?: string; readonly name?: string; readonly namespace?: string };
  }[];
  readonly ports?: readonly { readonly name?: string; readonly port?: number; readonly protocol?: string; readonly appProtocol?: string }[];
}
export interface Container { readonly name: string; readonly image?: string; readonly ports?: readonly { readonly name?: string; readonly containerPort: number; readonly protocol?: string }[]; readonly [field: string]: unknown }
export interface Pod {
  readonly serviceAccountName?: string; readonly nodeName?: string; readonly hostNetwork?: boolean; readonly hostname?: string; readonly subdomain?: string;
  readonly containers?: readonly Container[]; readonly initContainers?: readonly Container[];
  readonly status?: {
    readonly podIP?: string; readonly podIPs?: readonly { readonly ip?: string }[]; readonly phase?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}
export interface Node { readonly status?: { readonly addresses?: readonly { readonly type: string; readonly address: string }[] } }
export interface Namespace { readonly finalizers?: readonly string[] }
export interface ConfigMap { readonly data?: Readonly<Record<string, string>> }
