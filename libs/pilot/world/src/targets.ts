import { objectKey, type k8s, type ObjectKey, type Resource } from '@flotilla/model';
import {
  describe,
  instanceTargetPort,
  kubernetesServiceKey,
  localityOf,
  podIPs,
  targetPortAmong,
  targetPortOn,
  type Endpoint,
  type ServiceKey,
  type ServiceTarget,
} from '@flotilla/pilot-registry';
import { selects } from '@flotilla/rules';
import { discoveredPod } from './discovery.ts';
import { allEndpointsOf, endpointsOf, isByHost } from './endpoints.ts';
import { clusterOf, installationOf } from './mesh-settings.ts';
import { entryEndpoints } from './store.ts';
import { parsePodPorts } from './pod-ports.ts';
import { compareServices, serviceOf, servicesOfEntry } from './services.ts';
import { isSelected, worldQuery, type View } from './view.ts';
import { endpointSources, entryWorkload, nodeKey, podAt } from './workloads.ts';

/** The pod of a proxy, in its cluster: of its name, else the one at its first address (Istio's getPodByProxy). */
export const podOfProxy = worldQuery('pod-of-proxy', (view): ObjectKey | undefined => {
  const cluster = clusterOf(view);
  const [name = '', namespace, ...more] = view.attr('id').split('~')[2]?.split('.') ?? [];
  const named =
    namespace === view.attr('namespace') && more.length === 0 ? objectKey({ namespace, name, cluster }) : undefined;
  return named && discoveredPod(view, named) ? named : podAt(view, view.attr('ips')[0] ?? '', cluster);
});

/**
 * The services that a proxy's workload is part of, with the ports it serves them on (Istio's GetProxyServiceTargets): a
 * WorkloadEntry's or a pod's by selectors; for a pod that no Service selects, everything that its namespace's
 * EndpointSlices have; and those of its namespace's ServiceEntries by address. In the order of all services.
 */
export const serviceTargets = worldQuery('service-targets', (view): readonly ServiceTarget[] => {
  return [...kubernetes(view), ...view.query(externalTargets, '')].sort((a, b) =>
    compareServices(a.service, b.service),
  );
});

function kubernetes(view: View): ServiceTarget[] {
  const entry = view.query(entryOfProxy, '');
  if (entry !== undefined) return selectedByEntry(view, entry);
  const podKey = view.query(podOfProxy, '');
  const pod = podKey === undefined ? undefined : view.get('pods', podKey);
  if (!pod) return view.attr('type') === 'router' ? reported(view) : [];
  // A Service that selects the pod still does so when it names a port that the pod lacks.
  const services = selecting(view, pod);
  if (services.length === 0) return byNamespace(view, pod);
  const address = podIPs(pod)[0] ?? '';
  const { namespace, cluster } = pod.meta;
  const workload = { ...describe(pod, address, endpointSources(view, cluster)), address, namespace };
  const targetOf = (port: k8s.ServicePort): number | undefined => targetPortOn(pod, port);
  return services.flatMap(([key, { ports = [] }]) => targetsOn(view, key, { ports, targetOf, workload }));
}

/**
 * For a gateway whose pod the registry does not know yet: the Services of its namespace that select the labels which it
 * sent, at the ports that it reported (Istio's GetProxyServiceTargetsFromMetadata, which Istio 1.19 uses when it
 * computes them again). Without them the gateway would be ready without listeners (ADR 41).
 */
function reported(view: View): ServiceTarget[] {
  const [namespace, cluster] = [view.attr('namespace'), clusterOf(view)];
  const services = servicesBeside(view, { namespace, cluster }).flatMap((object) => {
    const spec = view.get('services', object)?.spec;
    const hasSelector = Object.keys(spec?.selector ?? {}).length > 0;
    return spec && hasSelector && isSelected(view, spec.selector) ? [{ key: kubernetesServiceKey(object), spec }] : [];
  });
  if (services.length === 0) return [];
  const podPorts = parsePodPorts(view.meta('POD_PORTS'));
  const address = view.attr('ips')[0] ?? '';
  const workload = { ...describe(undefined, address, endpointSources(view, cluster)), address, namespace };
  const targetOf = (port: k8s.ServicePort): number | undefined =>
    targetPortAmong(podPorts, { protocol: 'TCP', ...port });
  return services.flatMap(({ key, spec: { ports = [] } }) => targetsOn(view, key, { ports, targetOf, workload }));
}

/**
 * The WorkloadEntry at a proxy's first address; of several the one of its name, else of its namespace (Istio's
 * GetInstanceForProxy).
 */
const entryOfProxy = worldQuery('entry-of-proxy', (view): ObjectKey | undefined => {
  const [ip] = view.attr('ips');
  const found =
    ip === undefined
      ? []
      : view.index('workload-entries', 'address', ip).filter((key) => view.query(entryWorkload, key));
  const namespace = view.attr('namespace');
  if (found.length < 2) return found[0];
  const name = view.attr('id').split('~')[2]?.split('.', 1)[0] ?? '';
  return (
    found.find((key) => key.namespace === namespace && key.name === name) ??
    found.find((key) => key.namespace === namespace) ??
    found[0]
  );
});

function selectedByEntry(view: View, key: ObjectKey): ServiceTarget[] {
  const instance = view.query(entryWorkload, key);
  if (!instance || instance.dnsOnly) return [];
  return servicesBeside(view, key).flatMap((object) => {
    const spec = view.get('services', object)?.spec;
    const service =
      spec && selects(spec.selector ?? {}, instance.labels)
        ? view.query(serviceOf, kubernetesServiceKey(object))
        : undefined;
    if (service?.resolution !== 'ClientSideLB') return [];
    return (spec?.ports ?? []).flatMap((port) => {
      const servicePort = service.ports.find((each) => each.port === port.port && each.name === (port.name ?? ''));
      const targetPort = instanceTargetPort(instance, port);
      if (!servicePort || servicePort.protocol === 'UDP' || targetPort === undefined) return [];
      return [
        {
          service,
          port: servicePort,
          targetPort,
          endpoint: { ...instance.endpoint, port: targetPort, servicePortName: servicePort.name },
        },
      ];
    });
  });
}

/** The Services in the namespace and cluster of an object. */
const servicesBeside = (view: View, { namespace, cluster }: { namespace: string; cluster: string }): ObjectKey[] =>
  view.index('services', 'namespace', namespace).filter((service) => service.cluster === cluster);

/** The Services that select a pod. */
function selecting(view: View, pod: Resource<'pods'>): (readonly [ServiceKey, k8s.Service])[] {
  return servicesBeside(view, pod.meta).flatMap((object) => {
    const spec = view.get('services', object)?.spec;
    return spec && selects(spec.selector ?? {}, pod.meta.labels ?? {})
      ? [[kubernetesServiceKey(object), spec] as const]
      : [];
  });
}

/** A Service's ports on a workload, where they lead to a port of it. */
function targetsOn(
  view: View,
  key: ServiceKey,
  {
    ports,
    targetOf,
    workload,
  }: {
    readonly ports: readonly k8s.ServicePort[];
    readonly targetOf: (port: k8s.ServicePort) => number | undefined;
    readonly workload: Omit<Endpoint, 'port' | 'servicePortName' | 'health' | 'hostName' | 'subDomain'>;
  },
): ServiceTarget[] {
  const service = view.query(serviceOf, key);
  return ports.flatMap((port) => {
    const servicePort = service?.ports.find((each) => each.port === port.port && each.name === (port.name ?? ''));
    const targetPort = targetOf(port);
    if (!service || !servicePort || targetPort === undefined || targetPort === 0) return [];
    const endpoint: Endpoint = {
      ...workload,
      port: targetPort,
      servicePortName: servicePort.name,
      health: 'Healthy',
      hostName: '',
      subDomain: '',
    };
    return [{ service, port: servicePort, targetPort, endpoint }];
  });
}

function byNamespace(view: View, pod: Resource<'pods'>): ServiceTarget[] {
  const { namespace, cluster } = pod.meta;
  const keys = view.index('endpoint-slices', 'namespace', namespace).filter((slice) => slice.cluster === cluster);
  const services = new Set(
    keys.flatMap((key) => view.get('endpoint-slices', key)?.meta.labels?.['kubernetes.io/service-name'] ?? []),
  );
  return [...services].flatMap((name) => {
    const key = kubernetesServiceKey(objectKey({ namespace, name, cluster }));
    return instances(view, key, view.query(allEndpointsOf, key));
  });
}

/** Its namespace's ServiceEntries of which a proxy's workload is part, by address. */
const externalTargets = worldQuery('external-targets', (view): readonly ServiceTarget[] => {
  const ips = view.attr('ips');
  const entries = new Set([
    ...ips.flatMap((ip) => view.derivedIndex(entryEndpoints, 'address', ip)),
    ...view.index('service-entries', 'selecting', view.attr('namespace')),
  ]);
  const ownNamespace = view.attr('namespace');
  return [...entries].flatMap((entry) => {
    const services = view.query(servicesOfEntry, entry).filter(({ namespace }) => namespace === ownNamespace);
    const [first] = services;
    if (!first) return [];
    const shared = view.query(isByHost, entry) ? undefined : endpointsAt(view, first.key, ips);
    if (shared?.length === 0) return [];
    return services.flatMap(({ key }) => instances(view, key, shared ?? endpointsAt(view, key, ips)));
  });
});

/** A service's endpoints at some addresses, in their order. */
function endpointsAt(view: View, key: ServiceKey, addresses: readonly string[]): readonly Endpoint[] {
  const found = [...new Set(addresses)]
    .map((address) => endpointsOf(view, key, { address }))
    .filter((endpoints) => endpoints.length > 0);
  return found.length < 2 ? found.flat() : endpointsOf(view, key).filter(({ address }) => addresses.includes(address));
}

function instances(view: View, key: ServiceKey, endpoints: readonly Endpoint[]): ServiceTarget[] {
  const service = view.query(serviceOf, key);
  if (!service) return [];
  return endpoints.flatMap((endpoint) => {
    const port = service.ports.find(({ name }) => name === endpoint.servicePortName);
    return port ? [{ service, port, targetPort: endpoint.port, endpoint }] : [];
  });
}

/** What the registries know of a workload; `serviceAccount` is a SPIFFE URI, empty when unknown. */
export type RegisteredWorkload = Pick<Endpoint, 'labels' | 'serviceAccount'>;

/**
 * What the registries know a proxy's workload by: a ServiceEntry's labels for the endpoint at its address go before its
 * pod's, both with where it runs. Undefined when they don't know it (Istio's GetProxyWorkloadLabels; as in later
 * versions of it only ServiceEntries of the proxy's own namespace count: another's would decide which policies hold).
 */
export function registeredWorkload(view: View): RegisteredWorkload | undefined {
  // ServiceEntries are of the cluster of the configuration.
  const [target] = clusterOf(view) === installationOf(view).clusterId ? view.query(externalTargets, '') : [];
  if (target) return target.endpoint;
  const key = view.query(podOfProxy, '');
  const pod = key === undefined ? undefined : view.get('pods', key);
  return pod && describe(pod, podIPs(pod)[0] ?? '', endpointSources(view, pod.meta.cluster));
}

/**
 * Where a proxy runs, `region/zone/subzone`: where the first of its service targets is, else its pod, else as it says
 * itself. Empty when unknown (Istio's setTopologyLabels).
 */
export const localityOfProxy = worldQuery('locality-of-proxy', (view): string => {
  const [target] = view.query(serviceTargets, '');
  if (target?.endpoint.locality) return target.endpoint.locality;
  const key = view.query(podOfProxy, '');
  const pod = key === undefined ? undefined : view.get('pods', key);
  return (
    localityOf(pod, pod?.spec.nodeName ? view.get('nodes', nodeKey(pod.spec.nodeName, pod.meta.cluster)) : undefined) ||
    view.attr('locality')
  );
});
