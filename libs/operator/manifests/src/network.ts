import { labelsOf, selectorOf } from './labels.ts';
import type { Manifest, ManifestOptions, ServicePort, ServiceSpec } from './service-spec.ts';

/**
 * The Service of a service. The replicas of a StatefulSet are found before they are ready, as others need it to become
 * ready themselves.
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
      // By name: it stays right when a port of the container changes.
      ports: ports.map(({ name, port }) => ({ name, port, targetPort: name, protocol: 'TCP' })),
    },
  };
}

/** Nothing reaches a pod of the namespace, except through the policy of a service. */
export const buildDefaultDeny = ({ namespace }: ManifestOptions): Manifest => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: { name: 'default-deny', namespace, labels: { 'app.kubernetes.io/part-of': 'istio' } },
  spec: { podSelector: {}, policyTypes: ['Ingress'] },
});

/** Who reaches which ports of a service. */
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
