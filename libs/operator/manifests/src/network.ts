import { labelsOf, selectorOf } from './labels.ts';
import type { Manifest, ManifestOptions, ServicePort, ServiceSpec } from './service-spec.ts';

/**
 * The Kubernetes Service of a service. Replicas of a StatefulSet are published before they are ready, because other
 * services need them to become ready themselves.
 */
export function buildService(spec: ServiceSpec, { namespace }: ManifestOptions): Manifest {
  const { name, ports, storage } = spec;
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace, labels: { ...labelsOf(name), ...spec.labels } },
    spec: {
      selector: selectorOf(name),
      ...(storage ? { publishNotReadyAddresses: true } : {}),
      // By name, so that it stays right when a port of the container changes.
      ports: ports.map(({ name, port }) => ({ name, port, targetPort: name, protocol: 'TCP' })),
    },
  };
}

/** Denies all traffic to the pods of the namespace; the policies of services allow what they need. */
export const buildDefaultDeny = ({ namespace }: ManifestOptions): Manifest => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: { name: 'default-deny', namespace, labels: { 'app.kubernetes.io/part-of': 'istio' } },
  spec: { podSelector: {}, policyTypes: ['Ingress'] },
});

/** Allows traffic to the ports of a service, from the clients of each port. */
export function buildNetworkPolicy(
  { name, ports }: Pick<ServiceSpec, 'name' | 'ports'>,
  { namespace }: ManifestOptions,
): Manifest {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name, namespace, labels: labelsOf(name) },
    spec: {
      podSelector: { matchLabels: selectorOf(name) },
      policyTypes: ['Ingress'],
      ingress: [...groupByPeers(ports)].map(([peers, group]) => ({
        ...(peers ? { from: peers.map((peer) => ({ podSelector: { matchLabels: selectorOf(peer) } })) } : {}),
        ports: group.map(({ port, containerPort = port }) => ({ port: containerPort, protocol: 'TCP' })),
      })),
    },
  };
}

function groupByPeers(ports: readonly ServicePort[]): ReadonlyMap<ServicePort['from'], readonly ServicePort[]> {
  const groups = new Map<ServicePort['from'], ServicePort[]>();
  for (const port of ports) groups.set(port.from, [...(groups.get(port.from) ?? []), port]);
  return groups;
}
