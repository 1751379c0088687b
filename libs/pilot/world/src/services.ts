import { compareText } from '@flotilla/std';
import { convertService, convertServiceEntry, type Service } from '@flotilla/pilot-registry';
import { allocateAddresses } from './auto-allocate.ts';
import { domain, registryOptions } from './mesh-settings.ts';
import { worldQuery, type View } from './view.ts';

export const servicesOfEntry = worldQuery('services-of-entry', (view, key): readonly Service[] => {
  const resource = view.get('service-entries', key);
  return resource ? convertServiceEntry(resource, view.query(registryOptions, '')) : [];
});

/** The same by the services' keys: one entry may make thousands, each of which is asked for. */
const servicesByKey = worldQuery(
  'services-of-entry-by-key',
  (view, key): ReadonlyMap<string, Service> =>
    new Map(view.query(servicesOfEntry, key).map((service) => [service.key, service])),
);

const allocations = worldQuery('auto-allocations', (view): ReadonlyMap<string, { v4: string; v6: string }> =>
  allocateAddresses(
    view
      .list('service-entries')
      .flatMap((key) => view.query(servicesOfEntry, key))
      .sort(
        (a, b) =>
          a.creationTime - b.creationTime || compareText(`${a.name}.${a.namespace}`, `${b.name}.${b.namespace}`),
      ),
  ),
);

const allocation = worldQuery('auto-allocation', (view, key) => view.query(allocations, '').get(key));

/** A service by its key (`k/namespace/name`, `e/namespace/name/host/address`). */
export const serviceOf = worldQuery('service', (view, key): Service | undefined => {
  const [kind, namespace, name] = key.split('/', 3) as [string, string, string];
  if (kind === 'k') {
    const resource = view.get('services', `${namespace}/${name}`);
    return resource && convertService(resource, view.query(registryOptions, ''));
  }
  const service = view.query(servicesByKey, `${namespace}/${name}`).get(key);
  const allocated = service && view.query(allocation, `${service.namespace}/${service.hostname}`);
  return service && allocated && service.defaultAddress === '0.0.0.0'
    ? { ...service, autoAllocatedIPv4: allocated.v4, autoAllocatedIPv6: allocated.v6 }
    : service;
});

interface Order {
  readonly key: string;
  readonly time: number;
  readonly name: string;
}

/** The services that one object makes, as far as their order among all services depends on it. */
const orderOf = worldQuery('service-order', (view, key: string): readonly Order[] => {
  const [kind, namespace, name] = key.split('/', 3) as [string, string, string];
  const services = kind === 'k' ? [view.query(serviceOf, key)] : view.query(servicesOfEntry, `${namespace}/${name}`);
  return services.flatMap((service) =>
    service ? [{ key: service.key, time: service.creationTime, name: `${service.name}.${service.namespace}` }] : [],
  );
});

/** The same of a ServiceEntry (`namespace/name`) by hostname. */
const orderByHost = worldQuery('service-order-by-host', (view, key): ReadonlyMap<string, readonly Order[]> =>
  Map.groupBy(view.query(orderOf, `e/${key}`), (order) => order.key.split('/')[3] ?? ''),
);

/** Keys of all services, the oldest first, then by `name.namespace` (Istio's SortServicesByCreationTime). */
export const allServices = worldQuery('all-services', (view): readonly string[] =>
  [
    ...view.list('services').flatMap((key) => view.query(orderOf, `k/${key}`)),
    ...view.list('service-entries').flatMap((key) => view.query(orderOf, `e/${key}`)),
  ]
    .sort((a, b) => a.time - b.time || compareText(a.name, b.name))
    .map(({ key }) => key),
);

/**
 * The order of `allServices`, for services that are at hand: who sorts a few does not depend on all. Services of one
 * object compare equal, as they come in order.
 */
export function compareServices(a: Service, b: Service): number {
  const objectOf = ({ key }: Service): string => key.split('/', 3).slice(1).join('/');
  return (
    a.creationTime - b.creationTime ||
    compareText(`${a.name}.${a.namespace}`, `${b.name}.${b.namespace}`) ||
    Number(b.registry === 'Kubernetes') - Number(a.registry === 'Kubernetes') ||
    compareText(objectOf(a), objectOf(b))
  );
}

/** Keys of the services of one hostname, in the order of all services. */
export const servicesOfHost = worldQuery('services-of-host', (view, host): readonly string[] => {
  const suffix = `.svc.${domain}`;
  const kubernetes = host.endsWith(suffix) ? view.index('services', 'host', host.slice(0, -suffix.length)) : [];
  const entries = view.index('service-entries', 'host', host);
  return [
    ...kubernetes.flatMap((key) => view.query(orderOf, `k/${key}`)),
    ...entries.flatMap((key) => view.query(orderByHost, key).get(host) ?? []),
  ]
    .sort((a, b) => a.time - b.time || compareText(a.name, b.name))
    .map(({ key }) => key);
});

/** What decides where a service is seen; a change of anything else doesn't touch the scopes. */
export interface ServiceHeader {
  readonly key: string;
  readonly hostname: string;
  readonly namespace: string;
  readonly kubernetes: boolean;
  readonly exportTo: ReadonlySet<string>;
  readonly ports: readonly number[];
}
export const serviceHeader = worldQuery('service-header', (view, key): ServiceHeader | undefined => {
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

/** Is a service (its exportTo already defaulted) seen from a namespace? */
export function isExported(
  { exportTo, namespace }: Pick<ServiceHeader, 'exportTo' | 'namespace'>,
  to: string,
): boolean {
  if (exportTo.has('*')) return true;
  if (exportTo.has('~')) return false;
  return exportTo.has(to) || (exportTo.has('.') && namespace === to);
}

/** Of services in the order of all, those that a namespace sees: private ones, those exported to it, public ones. */
function seenFrom(headers: readonly ServiceHeader[], namespace: string): ServiceHeader[] {
  const isPublic = (header: ServiceHeader): boolean => header.exportTo.has('*');
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

/** The same of one hostname: other services don't touch it. */
export const exportedOfHost = (view: View, host: string, namespace: string): readonly ServiceHeader[] =>
  seenFrom(
    view.query(servicesOfHost, host).flatMap((key) => view.query(serviceHeader, key) ?? []),
    namespace,
  );

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
  const namespaces = new Set(view.query(servicesOfHost, host).map((key) => key.split('/', 2)[1]));
  return (within === undefined ? namespaces.size === 1 : namespaces.has(within)) ? host : undefined;
}
