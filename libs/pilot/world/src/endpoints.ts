import type { Resource, WorkloadEntry } from '@flotilla/model';
import {
  externalNameEndpoints,
  instancePort,
  instanceTargetPort,
  serviceEntryEndpoints,
  sliceEndpoints,
  type Endpoint,
  type HostKey,
  type InstancesKey,
  type PortKey,
  type Service,
  type ServiceKey,
} from '@flotilla/pilot-registry';
import { withTrustDomains } from '@flotilla/rules';
import { entryEndpoints } from './store.ts';
import { setting } from './mesh-settings.ts';
import { serviceOf, servicesOfHost, shardsOf } from './services.ts';
import { worldQuery, type View } from './view.ts';
import { endpointSources, selectedEntries, selectedPods, type Sources } from './workloads.ts';

/** The endpoints that one service itself has, in its own cluster, in order. */
export const endpointsOf = worldQuery('endpoints', (view, key: ServiceKey): readonly Endpoint[] => {
  const service = view.query(serviceOf, key);
  if (!service) return [];
  const sources = endpointSources(view, key.object.cluster);
  if (service.registry === 'Kubernetes') return kubernetesEndpoints(view, service, sources);
  const endpoints = endpointsOfEntry(view, service, sources);
  return service.resolution === 'DNSRoundRobinLB' ? onePerPort(view, service, endpoints) : endpoints;
});

function kubernetesEndpoints(view: View, service: Service, sources: Sources): Endpoint[] {
  const slices = view
    .index('endpoint-slices', 'service', service.key.object)
    .flatMap((key) => view.get('endpoint-slices', key) ?? []);
  const own = slices.flatMap((slice) => sliceEndpoints(slice, service, { ...sources, options: sources.options }));
  const known = new Set<string>();
  const unique = own.filter(({ address, port, servicePortName }) => {
    const id = `${address}|${port}|${servicePortName}`;
    return !known.has(id) && known.add(id);
  });
  const found = [...unique, ...workloadEntries(view, service)];
  return found.length > 0 ? found : externalNameEndpoints(service);
}

/**
 * WorkloadEntries of its cluster that a Kubernetes Service selects: of those whose endpoints Envoy is told, and only by
 * address.
 */
function workloadEntries(view: View, service: Service): Endpoint[] {
  if (service.resolution !== 'ClientSideLB') return [];
  const ports = view.get('services', service.key.object)?.spec.ports ?? [];
  return selectedEntries(view, service, service.key.object.cluster)
    .filter(({ dnsOnly }) => !dnsOnly)
    .flatMap((instance) =>
      ports.flatMap((port) => {
        const target = instanceTargetPort(instance, port);
        return target === undefined ? [] : [{ ...instance.endpoint, port: target, servicePortName: port.name ?? '' }];
      }),
    );
}

function endpointsOfEntry(view: View, service: Service, sources: Sources): Endpoint[] {
  const key = service.key.object;
  const own = view.get('service-entries', key);
  if (!own) return [];
  const named = view.derived(entryEndpoints, key) as readonly WorkloadEntry[] | undefined;
  const resource: Resource<'service-entries'> = named ? { ...own, spec: { ...own.spec, endpoints: named } } : own;
  if (!resource.spec.workloadSelector) return serviceEntryEndpoints(resource, service, sources);
  const byName = service.resolution === 'DNSLB' || service.resolution === 'DNSRoundRobinLB';
  return [...selectedEntries(view, service), ...selectedPods(view, service)]
    .filter(({ dnsOnly }) => byName || !dnsOnly)
    .flatMap((instance) =>
      (resource.spec.ports ?? []).map((port) => ({
        ...instance.endpoint,
        port: instancePort(instance, port),
        servicePortName: port.name ?? '',
      })),
    );
}

/** Services of a hostname in a namespace, each in every cluster that has it. */
const shardsIn = (view: View, { hostname, namespace }: { hostname: string; namespace: string }): ServiceKey[] =>
  view
    .query(servicesOfHost, hostname)
    .filter(({ object }) => object.namespace === namespace)
    .flatMap((service) => shardsOf(view, service));

/** All endpoints of a hostname in a namespace, from every registry (Istio's EndpointShards). */
const endpointsOfHost = worldQuery('endpoints-of-host', (view, host: HostKey): readonly Endpoint[] =>
  shardsIn(view, host).flatMap((service) => view.query(endpointsOf, service)),
);

/** The endpoints of a service by the names of its ports. */
const endpointsByPort = worldQuery(
  'endpoints-by-port',
  (view, key: ServiceKey): ReadonlyMap<string, readonly Endpoint[]> =>
    Map.groupBy(view.query(endpointsOf, key), ({ servicePortName }) => servicePortName),
);

/** Endpoints of one port, so that those of the others are not touched. */
export const endpointsOfPort = worldQuery('endpoints-of-port', (view, key: PortKey): readonly Endpoint[] =>
  shardsIn(view, key).flatMap((service) => view.query(endpointsByPort, service).get(key.port) ?? []),
);

/**
 * What a service's clusters that Envoy resolves by DNS, and the listeners of its endpoints, are made of (Istio's
 * InstancesByPort). Of the ServiceEntries of its namespace, and of a Service of type ExternalName, what serves a port
 * of that number, whatever its name is there; of other Kubernetes Services of that host, what serves a port of that
 * name.
 */
export const instancesOfPort = worldQuery('instances-of-port', (view, key: InstancesKey): readonly Endpoint[] =>
  view.query(servicesOfHost, key.hostname).flatMap((owner) => {
    if (owner.registry === 'External' && owner.object.namespace !== key.namespace) return [];
    return shardsOf(view, owner).flatMap((shard) => {
      const endpoints = view.query(endpointsByPort, shard);
      const service = view.query(serviceOf, shard);
      if (shard.registry === 'Kubernetes' && service?.k8s.externalName === undefined)
        return endpoints.get(key.port) ?? [];
      const ports = service?.ports.filter(({ port }) => port === key.number) ?? [];
      return ports.flatMap(({ name }) => endpoints.get(name) ?? []);
    });
  }),
);

/** The numbers of the ports that a ServiceEntry's service has endpoints for. */
const servedPorts = worldQuery('served-ports', (view, key: ServiceKey): readonly number[] => {
  const names = view.query(endpointsByPort, key);
  return (view.query(serviceOf, key)?.ports ?? []).flatMap(({ name, port }) => (names.has(name) ? [port] : []));
});

/**
 * DNS_ROUND_ROBIN takes one endpoint for each host and port number, whoever comes first: none where an older service
 * of the host, of any namespace, has one already (Istio's serviceInstancesStore.addInstances). What has no address
 * cannot be that one.
 */
function onePerPort(view: View, service: Service, endpoints: readonly Endpoint[]): readonly Endpoint[] {
  const services = view.query(servicesOfHost, service.hostname).filter(({ registry }) => registry === 'External');
  const older = services.slice(0, services.indexOf(service.key));
  const taken = new Set(older.flatMap((key) => view.query(servedPorts, key)));
  return endpoints.filter(({ address, servicePortName }) => {
    if (address === '') return false;
    const number = service.ports.find(({ name }) => name === servicePortName)?.port ?? 0;
    return !taken.has(number) && taken.add(number);
  });
}

/**
 * SPIFFE identities that may serve a host: its endpoints' accounts, and what the newest of its services says, each in
 * all trust domains that the mesh goes by, sorted.
 */
export const serviceAccountsOf = worldQuery('service-accounts', (view, key: HostKey): readonly string[] => {
  const newest = view.query(servicesOfHost, key.hostname).findLast(({ object }) => object.namespace === key.namespace);
  const own = newest === undefined ? [] : (view.query(serviceOf, newest)?.serviceAccounts ?? []);
  const accounts = view
    .query(endpointsOfHost, key)
    .flatMap(({ serviceAccount }) => (serviceAccount ? [serviceAccount] : []));
  const aliases = setting(view, 'trustDomainAliases') ?? [];
  return [...new Set([...accounts, ...own].flatMap((account) => withTrustDomains(account, aliases)))].sort();
});
