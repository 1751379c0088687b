import type { ServicePort } from '../node/service-proxy.ts';
import {
  endpointSlicesOf,
  namespaceOf,
  podsBehind,
  targetPort,
  type KubeObject,
  type RunningPod,
  type Service,
} from './objects.ts';

export interface NameInfo {
  readonly ips: readonly string[];
  readonly registry: string;
  readonly shortname: string;
  readonly namespace: string;
}
/**
 * What follows from Services and the pods that run: EndpointSlices for the API, names for the cluster's DNS, addresses
 * for the node.
 */
export interface ServiceView {
  readonly slices: ReadonlyMap<string, readonly KubeObject[]>;
  readonly names: Readonly<Record<string, NameInfo>>;
  readonly ports: readonly ServicePort[];
}

export function viewServices(services: readonly Service[], pods: readonly RunningPod[], nodeName: string): ServiceView {
  const slices = new Map<string, readonly KubeObject[]>();
  const names: Record<string, NameInfo> = {};
  const ports: ServicePort[] = [];
  for (const service of services) {
    const namespace = namespaceOf(service);
    const { name } = service.metadata;
    const { selector, clusterIP, publishNotReadyAddresses } = service.spec ?? {};
    if (selector) slices.set(`${namespace}/${name}`, endpointSlicesOf(service, { pods, nodeName }));
    const behind = podsBehind(service, pods).filter(({ isReady }) => isReady || publishNotReadyAddresses);
    const isHeadless = clusterIP === undefined || clusterIP === 'None';
    names[`${name}.${namespace}.svc.cluster.local`] = {
      ips: isHeadless ? behind.map(({ ip }) => ip) : [clusterIP],
      registry: 'Kubernetes',
      shortname: name,
      namespace,
    };
    if (!isHeadless) ports.push(...portsOf(service, clusterIP, behind));
  }
  return { slices, names, ports };
}

const portsOf = (service: Service, clusterIP: string, behind: readonly RunningPod[]): ServicePort[] =>
  (service.spec?.ports ?? []).map((port) => ({
    clusterIP,
    port: port.port,
    protocol: port.protocol === 'UDP' ? 'udp' : 'tcp',
    endpoints: behind.flatMap((pod) => {
      const target = targetPort(port, pod);
      return target === undefined ? [] : [{ ip: pod.ip, port: target }];
    }),
  }));
