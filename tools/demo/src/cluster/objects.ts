import { hash } from 'node:crypto';
import type { Container, PodObject, PodSpec, Strings } from '@flotilla/injector-template';

/** An object of the Kubernetes API, as a manifest has it. */
export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Strings;
    readonly annotations?: Strings;
  };
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly data?: Strings;
  readonly stringData?: Strings;
}

/** Letters and digits that a name may have. */
const digest = (text: string, length: number): string => hash('sha256', text).slice(0, length);

export const isObject = (value: unknown): value is KubeObject => {
  const { apiVersion, kind, metadata } = (
    typeof value === 'object' && value !== null ? value : {}
  ) as Partial<KubeObject>;
  return typeof apiVersion === 'string' && typeof kind === 'string' && typeof metadata?.name === 'string';
};
export const namespaceOf = ({ metadata }: Pick<KubeObject, 'metadata'>): string => metadata.namespace ?? 'default';

interface Workload {
  readonly replicas?: number;
  readonly template?: {
    readonly metadata?: { readonly labels?: Strings; readonly annotations?: Strings };
    readonly spec?: PodSpec;
  };
  readonly serviceName?: string;
}

/** A pod that is to run: its name and its object before admission. */
export interface DesiredPod {
  readonly name: string;
  readonly namespace: string;
  readonly object: PodObject;
}

/**
 * The pods of workloads: of Deployments by way of a ReplicaSet whose name has the template's hash, of
 * StatefulSets numbered, of DaemonSets one on this node, and bare Pods. A changed template gives pods of other names.
 */
export function podsOf(objects: readonly KubeObject[]): DesiredPod[] {
  return objects.flatMap((object) => {
    const { kind, metadata } = object;
    const namespace = namespaceOf(object);
    const spec = (object.spec ?? {}) as Workload;
    if (kind === 'Pod')
      return [
        {
          name: metadata.name,
          namespace,
          object: { ...(object as unknown as PodObject), metadata: { ...metadata, namespace } },
        },
      ];
    if (!spec.template?.spec || !['Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet'].includes(kind)) return [];
    const hash = digest(JSON.stringify(spec.template), 10);
    const count = kind === 'DaemonSet' ? 1 : (spec.replicas ?? 1);
    return Array.from({ length: count }, (_, i) => {
      const set = kind === 'Deployment' ? `${metadata.name}-${hash}` : metadata.name;
      const name = kind === 'StatefulSet' ? `${set}-${i}` : `${set}-${digest(`${set}/${i}`, 5)}`;
      const labels = {
        ...spec.template?.metadata?.labels,
        ...(kind === 'Deployment' ? { 'pod-template-hash': hash } : {}),
      };
      const owner = {
        apiVersion: 'apps/v1',
        kind: kind === 'Deployment' ? 'ReplicaSet' : kind,
        name: set,
        controller: true,
      };
      const podSpec = spec.template?.spec ?? { containers: [] };
      return {
        name,
        namespace,
        object: {
          apiVersion: 'v1',
          kind: 'Pod',
          metadata: {
            name,
            generateName: `${set}-`,
            namespace,
            labels,
            annotations: { ...spec.template?.metadata?.annotations },
            ownerReferences: [owner],
          },
          spec: {
            ...podSpec,
            serviceAccountName: podSpec.serviceAccountName ?? 'default',
            ...(kind === 'StatefulSet' && spec.serviceName ? { hostname: name, subdomain: spec.serviceName } : {}),
          },
        },
      };
    });
  });
}

/** A pod that runs, as far as Services are concerned. */
export interface RunningPod {
  readonly name: string;
  readonly namespace: string;
  readonly ip: string;
  readonly isReady: boolean;
  readonly labels: Strings;
  readonly containers: readonly Container[];
  readonly hostname?: string;
}
interface ServicePort {
  readonly name?: string;
  readonly port: number;
  readonly targetPort?: number | string;
  readonly protocol?: string;
  readonly appProtocol?: string;
}
interface ServiceSpec {
  readonly selector?: Strings;
  readonly ports?: readonly ServicePort[];
  readonly clusterIP?: string;
  readonly publishNotReadyAddresses?: boolean;
  readonly type?: string;
}
export type Service = KubeObject & { readonly spec?: ServiceSpec };

const selects = (selector: Strings, labels: Strings): boolean =>
  Object.entries(selector).every(([name, value]) => labels[name] === value);

/** The pods behind a Service; none without a selector. */
export function podsBehind({ spec = {}, ...service }: Service, pods: readonly RunningPod[]): RunningPod[] {
  const { selector = {} } = spec;
  if (Object.keys(selector).length === 0) return [];
  return pods.filter(({ namespace, labels }) => namespace === namespaceOf(service) && selects(selector, labels));
}

export function targetPort({ port, targetPort: target }: ServicePort, pod: RunningPod): number | undefined {
  if (target === undefined || target === 0) return port;
  if (/^\d+$/.test(String(target))) return Number(target);
  return pod.containers.flatMap(({ ports = [] }) => ports).find(({ name }) => name === target)?.containerPort;
}

/**
 * The EndpointSlice of a Service (Kubernetes' endpointslice controller): one for each set of target ports, since pods
 * may name theirs differently.
 */
export function endpointSlicesOf(
  service: Service,
  { pods, nodeName }: { pods: readonly RunningPod[]; nodeName: string },
): KubeObject[] {
  const { ports = [] } = service.spec ?? {};
  const groups = new Map<string, { ports: readonly object[]; pods: RunningPod[] }>();
  for (const pod of podsBehind(service, pods)) {
    const resolved = ports.flatMap((port) => {
      const number = targetPort(port, pod);
      return number === undefined
        ? []
        : [
            {
              name: port.name ?? '',
              port: number,
              protocol: port.protocol ?? 'TCP',
              ...(port.appProtocol ? { appProtocol: port.appProtocol } : {}),
            },
          ];
    });
    const group = groups.get(JSON.stringify(resolved)) ?? { ports: resolved, pods: [] };
    groups.set(JSON.stringify(resolved), group);
    group.pods.push(pod);
  }
  const { name } = service.metadata;
  return [...groups].map(([key, group]): KubeObject => ({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: `${name}-${digest(key, 5)}`,
      namespace: namespaceOf(service),
      labels: { ...service.metadata.labels, 'kubernetes.io/service-name': name },
    },
    ...{ addressType: 'IPv4', ports: group.ports },
    ...{
      endpoints: group.pods.map((pod) => ({
        addresses: [pod.ip],
        nodeName,
        conditions: { ready: pod.isReady, serving: pod.isReady, terminating: false },
        targetRef: { kind: 'Pod', name: pod.name, namespace: pod.namespace },
        ...(pod.hostname ? { hostname: pod.hostname } : {}),
      })),
    },
  }));
}
