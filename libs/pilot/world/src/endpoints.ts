import type { Resource, WorkloadEntry } from '@flotilla/model';
import {
  describe, labelsMatch, podIPs, selectedPodEndpoints, serviceEntryEndpoints, sliceEndpoints, workloadEntryEndpoint,
  type Endpoint, type EndpointSources, type RegistryOptions, type Service,
} from '@flotilla/pilot-registry';
import { defaultNetwork, registryOptions } from './mesh.ts';
import { entryEndpoints } from './store.ts';
import { serviceOf, servicesOfHost } from './services.ts';
import { worldQuery, type View } from './view.ts';

type Sources = EndpointSources & { readonly options: RegistryOptions };

export const endpointSources = (view: View): Sources => ({
  options: view.query(registryOptions, ''),
  pod: ({ namespace, name, ip }) => {
    if (name) return view.get('pods', `${namespace}/${name}`);
    const key = view.index('pods', 'ip', ip).find((pod) => view.get('pods', pod)?.spec.hostNetwork !== true);
    return key === undefined ? undefined : view.get('pods', key);
  },
  node: (name) => view.get('nodes', `/${name}`),
  network: () => view.query(defaultNetwork, ''),
});

/** The endpoints that one service itself has (key as serviceOf), in order. */
export const endpointsOf = worldQuery('endpoints', (view, key): readonly Endpoint[] => {
  const service = view.query(serviceOf, key);
  if (!service) return [];
  const sources = endpointSources(view);
  return service.registry === 'Kubernetes' ? kubernetesEndpoints(view, service, sources) : endpointsOfEntry(view, service, sources);
});

function kubernetesEndpoints(view: View, service: Service, sources: Sources): Endpoint[] {
  const slices = view.index('endpoint-slices', 'service', `${service.namespace}/${service.name}`).flatMap((key) => view.get('endpoint-slices', key) ?? []);
  const own = slices.flatMap((slice) => sliceEndpoints(slice, service, { ...sources, options: sources.options }));
  const known = new Set<string>();
  const unique = own.filter(({ address, port, servicePortName }) => {
    const id = `${address}|${port}|${servicePortName}`;
    return !known.has(id) && known.add(id);
  });
  return [...unique, ...workloadEntries(view, service, sources)];
}

/** WorkloadEntries that a Kubernetes Service selects. */
function workloadEntries(view: View, service: Service, sources: Sources): Endpoint[] {
  if (Object.keys(service.labelSelectors).length === 0) return [];
  const spec = view.get('services', `${service.namespace}/${service.name}`)?.spec;
  return selectedEntries(view, service).flatMap((workload) => (spec?.ports ?? []).flatMap((port) => {
    const target = typeof port.targetPort === 'string' ? workload.spec.ports?.[port.targetPort] : port.targetPort;
    const named = workload.spec.ports?.[port.name ?? ''];
    if (typeof port.targetPort === 'string' && !target && !named) return [];
    return [workloadEntryEndpoint(namedEntry(workload), { name: port.name ?? '', number: port.port, targetPort: target || port.port }, sources)];
  }));
}

function selectedEntries(view: View, service: Service): Resource<'workload-entries'>[] {
  return view.index('workload-entries', 'namespace', service.namespace).flatMap((key) => view.get('workload-entries', key) ?? [])
    .filter((workload) => labelsMatch(service.labelSelectors, entryLabels(workload)));
}

/** Labels of a WorkloadEntry: those of its spec over those of its object. */
const entryLabels = ({ meta, spec }: Resource<'workload-entries'>): Record<string, string> => ({ ...meta.labels, ...spec.labels });
const namedEntry = (workload: Resource<'workload-entries'>) => ({ entry: workload.spec, namespace: workload.meta.namespace, labels: entryLabels(workload), name: workload.meta.name });

function endpointsOfEntry(view: View, service: Service, sources: Sources): Endpoint[] {
  const key = `${service.object.namespace}/${service.object.name}`;
  const own = view.get('service-entries', key);
  if (!own) return [];
  const named = view.derived(entryEndpoints, key) as readonly WorkloadEntry[] | undefined;
  const resource: Resource<'service-entries'> = named ? { ...own, spec: { ...own.spec, endpoints: named } } : own;
  if (!resource.spec.workloadSelector) return serviceEntryEndpoints(resource, service, sources);
  const entries = selectedEntries(view, service)
    .filter(({ spec }) => !(spec.address ?? '').startsWith('unix://') || service.resolution !== 'ClientSideLB')
    .flatMap((workload) => (resource.spec.ports ?? []).map((port) => workloadEntryEndpoint(namedEntry(workload), port, sources)));
  const pods = service.resolution === 'DNSLB' || service.resolution === 'DNSRoundRobinLB' ? [] : view.index('pods', 'namespace', service.namespace)
    .flatMap((key) => view.get('pods', key) ?? [])
    .filter((pod) => pod.spec.status?.phase === 'Running' && labelsMatch(service.labelSelectors, pod.meta.labels ?? {}))
    .flatMap((pod) => selectedPodEndpoints(pod, resource, describe(pod, podIPs(pod)[0] ?? '', sources)));
  return [...entries, ...pods];
}

/** All endpoints of a hostname in a namespace, from every registry (Istio's EndpointShards). Key: `host|namespace`. */
export const endpointsOfHost = worldQuery('endpoints-of-host', (view, key): readonly Endpoint[] => {
  const [host, namespace] = key.split('|') as [string, string];
  return view.query(servicesOfHost, host).filter((service) => service.split('/', 2)[1] === namespace).flatMap((service) => view.query(endpointsOf, service));
});

/** Endpoints of one port, so that those of the others are not touched. Key: `host|namespace|port name`. */
export const endpointsOfPort = worldQuery('endpoints-of-port', (view, key): readonly Endpoint[] => {
  const [host, namespace, portName] = key.split('|') as [string, string, string];
  return view.query(endpointsOfHost, `${host}|${namespace}`).filter(({ servicePortName }) => servicePortName === portName);
});

/** SPIFFE identities that may serve a host: its endpoints' accounts and its own, sorted. Key: `host|namespace`. */
export const serviceAccountsOf = worldQuery('service-accounts', (view, key): readonly string[] => {
  const [host, namespace] = key.split('|') as [string, string];
  const own = view.query(servicesOfHost, host).flatMap((service) => {
    const found = view.query(serviceOf, service);
    return found?.namespace === namespace ? found.serviceAccounts : [];
  });
  const accounts = view.query(endpointsOfHost, key).flatMap(({ serviceAccount }) => (serviceAccount ? [serviceAccount] : []));
  return [...new Set([...accounts, ...own])].sort();
});

