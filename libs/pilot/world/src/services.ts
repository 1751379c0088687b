import { compareText } from '@flotilla/std';
import type { ObjectKey } from '@flotilla/model';
import { compareKeys } from '@flotilla/query';
import {
  convertService,
  convertServiceEntry,
  hostKey,
  kubernetesServiceKey,
  type HostKey,
  type Service,
  type ServiceKey,
} from '@flotilla/pilot-registry';
import { allocateAddresses } from './auto-allocate.ts';
import { discovered, isDiscovered } from './discovery.ts';
import { domainOf, installationOf, registryOptions } from './mesh-settings.ts';
import { worldQuery, type View } from './view.ts';

export const servicesOfEntry = worldQuery('services-of-entry', (view, entry: ObjectKey): readonly Service[] => {
  const resource = view.get('service-entries', entry);
  return resource ? convertServiceEntry(resource, view.query(registryOptions, entry.cluster)) : [];
});

/** The same by the services' keys: one entry may make thousands, each of which is read by its key. */
const servicesByKey = worldQuery(
  'services-of-entry-by-key',
  (view, entry: ObjectKey): ReadonlyMap<ServiceKey, Service> =>
    new Map(view.query(servicesOfEntry, entry).map((service) => [service.key, service])),
);

const allocations = worldQuery('auto-allocations', (view): ReadonlyMap<HostKey, { v4: string; v6: string }> =>
  allocateAddresses(
    view
      .list('service-entries')
      .flatMap((entry) => view.query(servicesOfEntry, entry))
      .sort(
        (a, b) =>
          a.creationTime - b.creationTime || compareText(`${a.name}.${a.namespace}`, `${b.name}.${b.namespace}`),
      ),
  ),
);

const allocation = worldQuery('auto-allocation', (view, host: HostKey) => view.query(allocations, '').get(host));

/** A service by its key. One of Kubernetes knows the addresses that it has in other clusters. */
export const serviceOf = worldQuery('service', (view, key: ServiceKey): Service | undefined => {
  const { object } = key;
  if (key.registry === 'Kubernetes') {
    const service = kubernetesService(view, object);
    const clusters = service && clustersOf(view, object);
    if (!clusters || clusters.length < 2) return service;
    const addresses = clusters.map(
      (other) => [other.cluster, kubernetesService(view, other)?.addresses ?? []] as const,
    );
    return {
      ...service,
      clusterAddresses: new Map(addresses.filter(([, clusterAddresses]) => clusterAddresses.length > 0)),
    };
  }
  const service = view.query(servicesByKey, object).get(key);
  const allocated = service && view.query(allocation, hostKey(service));
  return service && allocated && service.defaultAddress === '0.0.0.0'
    ? { ...service, autoAllocatedIPv4: allocated.v4, autoAllocatedIPv6: allocated.v6 }
    : service;
});

function kubernetesService(view: View, object: ObjectKey): Service | undefined {
  const resource = isDiscovered(view, object) ? view.get('services', object) : undefined;
  return resource && convertService(resource, view.query(registryOptions, object.cluster));
}

/** The Services of one name and namespace, in the order of their clusters. */
const clustersOf = (view: View, { name, namespace }: ObjectKey): readonly ObjectKey[] =>
  discovered(view, view.index('services', 'host', `${name}.${namespace}`));

/**
 * The services whose endpoints a service has: of one of Kubernetes, that of every cluster that has it, in the order of
 * the clusters (Istio's EndpointShards).
 */
export const shardsOf = (view: View, key: ServiceKey): readonly ServiceKey[] =>
  key.registry === 'Kubernetes' ? clustersOf(view, key.object).map(kubernetesServiceKey) : [key];

/**
 * Of Services (in the order of their keys) that several clusters have, the one whose settings hold: that of the cluster
 * of the configuration, else of the first (Istio's aggregate.Controller.Services).
 */
function leading(view: View, objects: readonly ObjectKey[]): ObjectKey[] {
  const { clusterId } = installationOf(view);
  const found: ObjectKey[] = [];
  for (const object of discovered(view, objects)) {
    const last = found.at(-1);
    if (last?.name !== object.name || last.namespace !== object.namespace) found.push(object);
    else if (object.cluster === clusterId) found[found.length - 1] = object;
  }
  return found;
}

interface Order {
  readonly key: ServiceKey;
  readonly time: number;
  readonly name: string;
}
const orderOf = ({ key, creationTime, name, namespace }: Service): Order => ({
  key,
  time: creationTime,
  name: `${name}.${namespace}`,
});
const inOrder = (services: readonly Order[]): ServiceKey[] =>
  [...services].sort((a, b) => a.time - b.time || compareText(a.name, b.name)).map(({ key }) => key);

/** A Service of Kubernetes, as far as its order among all services depends on it. */
const serviceOrder = worldQuery('service-order', (view, object: ObjectKey): Order | undefined => {
  const service = view.query(serviceOf, kubernetesServiceKey(object));
  return service && orderOf(service);
});

/** The services of a ServiceEntry, in the same form. */
const entryOrder = worldQuery('entry-order', (view, entry: ObjectKey): readonly Order[] =>
  view.query(servicesOfEntry, entry).map(orderOf),
);

/** The same by hostname. */
const entryOrderByHost = worldQuery(
  'entry-order-by-host',
  (view, entry: ObjectKey): ReadonlyMap<string, readonly Order[]> =>
    Map.groupBy(view.query(entryOrder, entry), ({ key }) => key.hostname),
);

/** Keys of all services, the oldest first, then by `name.namespace` (Istio's SortServicesByCreationTime). */
export const allServices = worldQuery('all-services', (view): readonly ServiceKey[] =>
  inOrder([
    ...leading(view, view.list('services')).flatMap((object) => view.query(serviceOrder, object) ?? []),
    ...view.list('service-entries').flatMap((entry) => view.query(entryOrder, entry)),
  ]),
);

/**
 * The order of `allServices`, for services that are at hand: who sorts a few does not depend on all. Services of one
 * object compare equal, as they come in order.
 */
export function compareServices(a: Service, b: Service): number {
  return (
    a.creationTime - b.creationTime ||
    compareText(`${a.name}.${a.namespace}`, `${b.name}.${b.namespace}`) ||
    Number(b.registry === 'Kubernetes') - Number(a.registry === 'Kubernetes') ||
    compareKeys(a.key.object, b.key.object)
  );
}

/** Keys of the services of one hostname, in the order of all services. */
export const servicesOfHost = worldQuery('services-of-host', (view, host): readonly ServiceKey[] => {
  const suffix = `.svc.${domainOf(view)}`;
  const kubernetes = host.endsWith(suffix) ? view.index('services', 'host', host.slice(0, -suffix.length)) : [];
  const entries = view.index('service-entries', 'host', host);
  return inOrder([
    ...leading(view, kubernetes).flatMap((object) => view.query(serviceOrder, object) ?? []),
    ...entries.flatMap((entry) => view.query(entryOrderByHost, entry).get(host) ?? []),
  ]);
});

/** What decides where a service is seen; a change of anything else doesn't touch the scopes. */
export interface ServiceHeader {
  readonly key: ServiceKey;
  readonly hostname: string;
  readonly namespace: string;
  readonly kubernetes: boolean;
  readonly exportTo: ReadonlySet<string>;
  readonly ports: readonly number[];
}
export const serviceHeader = worldQuery('service-header', (view, key: ServiceKey): ServiceHeader | undefined => {
  const service = view.query(serviceOf, key);
  return (
    service && {
      key,
      hostname: service.hostname,
      namespace: service.namespace,
      kubernetes: service.registry === 'Kubernetes',
      exportTo: service.exportTo,
      ports: service.ports.map(({ port }) => port),
    }
  );
});

/** Whether a service (its exportTo already defaulted) is visible in a namespace. */
export function isExported(
  { exportTo, namespace }: Pick<ServiceHeader, 'exportTo' | 'namespace'>,
  reader: string,
): boolean {
  if (exportTo.has('*')) return true;
  if (exportTo.has('~')) return false;
  return exportTo.has(reader) || (exportTo.has('.') && namespace === reader);
}

const isPublic = ({ exportTo }: ServiceHeader): boolean => exportTo.has('*');

/** Of services in the order of all, those that a namespace sees: private ones, those exported to it, public ones. */
function seenFrom(headers: readonly ServiceHeader[], namespace: string): ServiceHeader[] {
  const seen = headers.filter((header) => isExported(header, namespace));
  return [
    ...seen.filter((header) => !isPublic(header) && header.namespace === namespace),
    ...seen.filter((header) => !isPublic(header) && header.namespace !== namespace),
    ...seen.filter(isPublic),
  ];
}

export const exportedServices = worldQuery('exported-services', (view, namespace): readonly ServiceHeader[] =>
  seenFrom(
    view.query(allServices, '').flatMap((key) => view.query(serviceHeader, key) ?? []),
    namespace,
  ),
);

/**
 * The services of one hostname that the proxy's namespace sees: other services don't touch it. Public ones are the same
 * for all namespaces.
 */
export function exportedOfHost(view: View, host: string): readonly ServiceHeader[] {
  const headers = view.query(servicesOfHost, host).flatMap((key) => view.query(serviceHeader, key) ?? []);
  return headers.every(isPublic) ? headers : seenFrom(headers, view.attr('namespace'));
}

/** The service that owns a hostname in a namespace: the oldest, but one of Kubernetes before one that isn't. */
export function ownerOf<T extends { readonly kubernetes: boolean }>(candidates: readonly T[]): T | undefined {
  return candidates[0]?.kubernetes ? candidates[0] : (candidates.find(({ kubernetes }) => kubernetes) ?? candidates[0]);
}

/**
 * The host that a `[namespace/]host` of an extension provider means (Istio's LookupCluster): the mesh must know it,
 * without a namespace in just one. Undefined otherwise.
 */
export function providerHost(view: View, service: string): string | undefined {
  const [namespace, named, ...more] = service.split('/');
  const [host, within] = named === undefined || more.length > 0 ? [service, undefined] : [named, namespace];
  const namespaces = new Set(view.query(servicesOfHost, host).map(({ object }) => object.namespace));
  return (within === undefined ? namespaces.size === 1 : namespaces.has(within)) ? host : undefined;
}
