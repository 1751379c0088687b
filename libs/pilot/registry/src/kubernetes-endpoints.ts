import type { k8s, Resource } from '@flotilla/model';
import { spiffeOf } from '@flotilla/rules';
import { augmentLabels, localityOf, workloadNameOf } from './workload.ts';
import { keepsSessions } from './persistent-session.ts';
import type { RegistryOptions } from './kubernetes-service.ts';
import type { Endpoint, Service } from './types.ts';

export interface EndpointSources {
  /** The pod that a targetRef names, else the one at an address, if that is in the namespace. */
  pod(place: { namespace: string; name?: string; ip: string }): Resource<'pods'> | undefined;
  node(name: string): Resource<'nodes'> | undefined;
  /** The network of a workload without a network label. */
  network(ip: string): string;
}

/** An endpoint without its port. */
export type PortlessEndpoint = Omit<Endpoint, 'port' | 'servicePortName'>;

/** What an EndpointSlice has: all of its workloads serve all of its ports. */
export interface SliceEndpoints {
  readonly workloads: readonly PortlessEndpoint[];
  readonly ports: readonly { readonly name: string; readonly port: number }[];
}

/**
 * The endpoints of one EndpointSlice (Istio's endpointslice controller): ready ones, all of them for
 * publishNotReadyAddresses, draining ones where the Service keeps sessions. An endpoint whose pod isn't known yet waits
 * for it.
 */
export function sliceEndpoints(
  slice: Resource<'endpoint-slices'>,
  service: Service,
  from: EndpointSources & { options: RegistryOptions },
): SliceEndpoints {
  if (slice.spec.addressType === 'FQDN') return { workloads: [], ports: [] };
  const workloads = (slice.spec.endpoints ?? []).flatMap((endpoint) => {
    const health = healthOf(endpoint.conditions, service);
    if (health === undefined) return [];
    return endpoint.addresses.flatMap((address): PortlessEndpoint[] => {
      const ref = endpoint.targetRef;
      const pod = from.pod(
        ref?.kind === 'Pod' && ref.name
          ? { namespace: ref.namespace ?? slice.meta.namespace, ip: address, name: ref.name }
          : { namespace: slice.meta.namespace, ip: address },
      );
      if (!pod && ref?.kind === 'Pod') return [];
      return [
        {
          ...describe(pod, address, from),
          address,
          health,
          namespace: pod?.meta.namespace ?? '',
          ...headlessNames(pod, slice, service),
        },
      ];
    });
  });
  const ports = (slice.spec.ports ?? []).flatMap(({ name = '', port }) => (port === undefined ? [] : [{ name, port }]));
  return { workloads, ports };
}

/**
 * What a Service of type ExternalName has instead of endpoints: the name itself, at each of its ports, with the
 * Service's labels (Istio's ExternalNameServiceInstances).
 */
export function externalNameEndpoints({ k8s: { externalName }, labels, ports }: Service): Endpoint[] {
  if (externalName === undefined) return [];
  return ports.map(({ name, port }) => ({
    address: externalName,
    port,
    servicePortName: name,
    labels,
    serviceAccount: '',
    network: '',
    locality: '',
    lbWeight: 0,
    tlsMode: 'disabled',
    namespace: '',
    workloadName: '',
    hostName: '',
    subDomain: '',
    health: 'Unknown',
    clusterId: '',
    nodeName: '',
    discoverable: 'always',
  }));
}

type Condition = NonNullable<k8s.EndpointSlice['endpoints']>[number]['conditions'];

function healthOf(conditions: Condition, service: Service): Endpoint['health'] | undefined {
  if (conditions?.ready !== false || service.k8s.publishNotReadyAddresses) return 'Healthy';
  const draining = keepsSessions(service) && (conditions.serving ?? true) && (conditions.terminating ?? true);
  return draining ? 'Draining' : undefined;
}

function headlessNames(
  pod: Resource<'pods'> | undefined,
  slice: Resource<'endpoint-slices'>,
  service: Service,
): { hostName: string; subDomain: string } {
  if (!pod || service.resolution !== 'Passthrough') return { hostName: '', subDomain: '' };
  const subDomain = pod.spec.subdomain ?? '';
  return { hostName: pod.spec.hostname ?? (subDomain === '' ? '' : pod.meta.name), subDomain };
}

/** What is known of an endpoint by the workload behind it (Istio's EndpointBuilder). */
export function describe(
  pod: Resource<'pods'> | undefined,
  address: string,
  from: EndpointSources & { options: RegistryOptions },
): Omit<Endpoint, 'address' | 'port' | 'servicePortName' | 'health' | 'namespace' | 'hostName' | 'subDomain'> {
  const nodeName = pod?.spec.nodeName ?? '';
  const locality = localityOf(pod, nodeName ? from.node(nodeName) : undefined);
  const labels = pod?.meta.labels ?? {};
  const network = labels['topology.istio.io/network'] || from.network(address);
  const account = pod?.spec.serviceAccountName ?? '';
  return {
    labels: augmentLabels(labels, { clusterId: from.options.clusterId, locality, nodeName, network }),
    serviceAccount:
      pod && account
        ? spiffeOf({
            trustDomain: from.options.trustDomain,
            namespace: pod.meta.namespace,
            serviceAccount: account,
          })
        : '',
    network,
    locality,
    lbWeight: 0,
    tlsMode: labels['security.istio.io/tlsMode'] === 'istio' ? 'istio' : 'disabled',
    workloadName: pod ? workloadNameOf(pod) : '',
    clusterId: from.options.clusterId,
    nodeName,
    discoverable: 'always',
  };
}

export type ContainerPort = NonNullable<NonNullable<k8s.Pod['containers']>[number]['ports']>[number];

/** The container port that a Service's targetPort refers to on a pod, as `targetPortAmong`. */
export const targetPortOn = (pod: Resource<'pods'>, port: k8s.ServicePort): number | undefined =>
  targetPortAmong(
    (pod.spec.containers ?? []).flatMap(({ ports }) => ports ?? []),
    port,
  );

/**
 * The container port that a Service's targetPort refers to (Istio's FindPort); undefined when no port has that name and
 * protocol. The API server fills in protocols, so they are compared as they are.
 */
export function targetPortAmong(ports: readonly ContainerPort[], port: k8s.ServicePort): number | undefined {
  const target = port.targetPort;
  if (target === undefined || target === 0 || target === '') return port.port;
  if (typeof target === 'number') return target;
  return ports.find(({ name, protocol }) => name === target && (protocol ?? '') === (port.protocol ?? ''))
    ?.containerPort;
}
