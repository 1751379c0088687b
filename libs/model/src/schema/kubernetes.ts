import {
  bool,
  enumeration,
  intOrString,
  kubernetesObject as object,
  map,
  port,
  repeated,
  string,
  type Infer,
} from './schema.ts';

/**
 * Kubernetes' own kinds as far as the mesh reads them (Kubernetes API reference, v1 and discovery.k8s.io/v1). Fields
 * that it doesn't read are dropped, the others must have the types that the API server gives them.
 */
const EndpointPort = object({ name: string, port, protocol: string, appProtocol: string });

export const ServicePort = object(
  { name: string, port, targetPort: intOrString, protocol: string, appProtocol: string, nodePort: port },
  ['port'],
);
export type ServicePort = Infer<typeof ServicePort>;

const ServiceStatus = object({
  loadBalancer: object({ ingress: repeated(object({ ip: string, hostname: string })) }),
});
export const Service = object({
  type: enumeration(['ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName']),
  clusterIP: string,
  clusterIPs: repeated(string),
  externalName: string,
  externalIPs: repeated(string),
  selector: map(string),
  ports: repeated(ServicePort),
  publishNotReadyAddresses: bool,
  internalTrafficPolicy: string,
  status: ServiceStatus,
});
export type Service = Infer<typeof Service>;

const ObjectReference = object({ kind: string, name: string, namespace: string });
/** What the API server accepts of one (pkg/apis/discovery/validation of Kubernetes). */
const sliceLimits = { endpoints: 1000, addresses: 100, ports: 20_000 };
export const EndpointSlice = object({
  addressType: enumeration(['IPv4', 'IPv6', 'FQDN']),
  endpoints: repeated(
    object(
      {
        addresses: repeated(string, { atMost: sliceLimits.addresses }),
        conditions: object({ ready: bool, serving: bool, terminating: bool }),
        hostname: string,
        nodeName: string,
        zone: string,
        targetRef: ObjectReference,
      },
      ['addresses'],
    ),
    { atMost: sliceLimits.endpoints },
  ),
  ports: repeated(EndpointPort, { atMost: sliceLimits.ports }),
});
export type EndpointSlice = Infer<typeof EndpointSlice>;

const Container = object({
  name: string,
  ports: repeated(object({ name: string, containerPort: port, protocol: string }, ['containerPort'])),
});
const Condition = object({ type: string, status: string }, ['type', 'status']);
export const Pod = object({
  serviceAccountName: string,
  nodeName: string,
  hostNetwork: bool,
  hostname: string,
  subdomain: string,
  containers: repeated(Container),
  initContainers: repeated(Container),
  status: object({
    podIP: string,
    podIPs: repeated(object({ ip: string })),
    phase: string,
    conditions: repeated(Condition),
  }),
});
export type Pod = Infer<typeof Pod>;

export const Node = object({
  status: object({ addresses: repeated(object({ type: string, address: string }, ['type', 'address'])) }),
});
export type Node = Infer<typeof Node>;
export const Namespace = object({});
export type Namespace = Infer<typeof Namespace>;

export const OwnerReference = object({ apiVersion: string, kind: string, name: string, controller: bool }, [
  'kind',
  'name',
]);
