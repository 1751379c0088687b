import { ownMember } from '@flotilla/std';
import type { Resource } from '@flotilla/model';
import { isAddress, isTrue } from '@flotilla/rules';
import { describe, type EndpointSources } from './kubernetes-endpoints.ts';
import type { RegistryOptions } from './kubernetes-service.ts';
import { describeEntry, type NamedWorkloadEntry } from './service-entry.ts';
import { podIPs } from './workload.ts';
import type { Endpoint } from './types.ts';

/**
 * What services can pick by labels, apart from what they name (Istio's model.WorkloadInstance): a pod, or a
 * WorkloadEntry.
 */
export interface WorkloadInstance {
  readonly labels: Readonly<Record<string, string>>;
  /** Its ports by name. */
  readonly ports: Readonly<Record<string, number>>;
  readonly endpoint: Omit<Endpoint, 'port' | 'servicePortName'>;
  /** Known by a name or a socket instead of an IP: only ServiceEntries that are resolved by DNS take it. */
  readonly dnsOnly: boolean;
}

type Sources = EndpointSources & { readonly options: RegistryOptions };

const healthChecked = 'proxy.istio.io/health-checks-enabled';

/** Labels of a WorkloadEntry: those of its object over those of its spec (Istio's ConvertWorkloadEntry). */
const entryLabels = ({ meta, spec }: Resource<'workload-entries'>): Record<string, string> => ({
  ...spec.labels,
  ...meta.labels,
});

/** Undefined for one whose health is checked and isn't known to be good. */
export function entryInstance(resource: Resource<'workload-entries'>, sources: Sources): WorkloadInstance | undefined {
  const { meta, spec } = resource;
  if (isTrue(meta.annotations?.[healthChecked]) && !isHealthy(resource.status)) return undefined;
  const labels = entryLabels(resource);
  const named: NamedWorkloadEntry = { entry: spec, namespace: meta.namespace, labels, name: meta.name };
  const address = spec.address ?? '';
  return {
    labels,
    ports: spec.ports ?? {},
    endpoint: describeEntry(named, sources),
    dnsOnly: address !== '' && !isAddress(address),
  };
}

function isHealthy(status: unknown): boolean {
  const { conditions } = (status ?? {}) as { conditions?: unknown };
  return (
    Array.isArray(conditions) &&
    conditions.some(
      (condition: { type?: unknown; status?: unknown } | null) =>
        condition?.type === 'Healthy' && condition.status === 'True',
    )
  );
}

/** Undefined for a pod that serves nobody: it isn't ready, it has ended, or it has no address yet. */
export function podInstance(pod: Resource<'pods'>, sources: Sources): WorkloadInstance | undefined {
  const { phase, conditions } = pod.spec.status ?? {};
  const [address] = podIPs(pod);
  const ready = conditions?.some(({ type, status }) => type === 'Ready' && status === 'True');
  if (address === undefined || phase === 'Failed' || phase === 'Succeeded' || !ready) return undefined;
  const ports = (pod.spec.containers ?? [])
    .flatMap((container) => container.ports ?? [])
    .filter(({ name, protocol }) => name && protocol === 'TCP');
  return {
    labels: pod.meta.labels ?? {},
    // of ports of one name the first applies
    ports: Object.fromEntries(
      ports.map(({ name, containerPort }): [string, number] => [name ?? '', containerPort]).reverse(),
    ),
    endpoint: {
      ...describe(pod, address, sources),
      address,
      health: 'Healthy',
      namespace: pod.meta.namespace,
      hostName: '',
      subDomain: '',
    },
    dnsOnly: false,
  };
}

/** The port at which a workload serves a ServiceEntry's port; a socket has none. */
export function instancePort(
  { ports, endpoint }: WorkloadInstance,
  port: { readonly name?: string; readonly number?: number; readonly targetPort?: number },
): number {
  return endpoint.address.startsWith('/')
    ? 0
    : ownMember(ports, port.name ?? '') || port.targetPort || port.number || 0;
}

/**
 * The same for a Kubernetes Service's port; undefined when the workload has none: a target's name must be one of its
 * ports, a target's number yields to a port of the Service port's name (Istio's serviceInstanceFromWorkloadInstance).
 */
export function instanceTargetPort(
  { ports }: WorkloadInstance,
  port: { readonly name?: string; readonly port: number; readonly targetPort?: number | string },
): number | undefined {
  if (typeof port.targetPort === 'string' && port.targetPort !== '')
    return ownMember(ports, port.targetPort) || undefined;
  return ownMember(ports, port.name ?? '') || (port.targetPort === '' ? 0 : port.targetPort) || port.port;
}
