import { keyOf, type ObjectKey, type Resource, type WorkloadEntry } from '@flotilla/model';
import {
  instancePort,
  serviceEntryEndpoints,
  type Endpoint,
  type InstancesKey,
  type PortKey,
  type PortlessEndpoint,
  type Service,
  type ServiceKey,
  type ServicePort,
} from '@flotilla/pilot-registry';
import { compareKeys, defineKey, type KeyOf } from '@flotilla/query';
import { withTrustDomains } from '@flotilla/rules';
import { entryEndpoints } from './store.ts';
import {
  kubernetesEndpoints,
  manyPorts,
  slicesOfService,
  workloadEntries,
  type Wanted,
} from './kubernetes-endpoints.ts';
import { setting } from './mesh-settings.ts';
import { serviceOf, servicesOfEntry, servicesOfHost, shardsOf } from './services.ts';
import { worldQuery, type View } from './view.ts';
import { endpointSources, workloadsOfEntry } from './workloads.ts';

type EntryPort = NonNullable<Resource<'service-entries'>['spec']['ports']>[number];

interface SourceFields {
  readonly services: readonly ServiceKey[];
  /** The port's name. */
  readonly port: string;
}
/** The endpoints of one port, in one or more services. */
const sourceKey = defineKey<SourceFields>()('services', 'port');
/** Where endpoints come from: hosts with the same source have the same endpoints, and share what is made of them. */
export type EndpointSource = KeyOf<typeof sourceKey>;

/** The ports of a ServiceEntry by their names. */
const portsOfEntry = worldQuery('ports-of-entry', (view, entry: ObjectKey): ReadonlyMap<string, readonly EntryPort[]> =>
  Map.groupBy(view.get('service-entries', entry)?.spec.ports ?? [], ({ name = '' }) => name),
);

/** The endpoints that a service itself has, in its own cluster, in order. */
export function endpointsOf(view: View, key: ServiceKey, wanted: Wanted = {}): readonly Endpoint[] {
  const service = view.query(serviceOf, key);
  if (!service) return [];
  return key.registry === 'Kubernetes'
    ? kubernetesEndpoints(view, service, wanted)
    : endpointsOfEntry(view, service, wanted);
}

/** The numbers of the ports that a ServiceEntry's service has endpoints for. */
const servedPorts = worldQuery('served-ports', (view, key: ServiceKey): readonly number[] => {
  const names = new Set(view.query(allEndpointsOf, key).map(({ servicePortName }) => servicePortName));
  return (view.query(serviceOf, key)?.ports ?? []).flatMap(({ name, port }) => (names.has(name) ? [port] : []));
});

/**
 * DNS_ROUND_ROBIN takes one endpoint for each host and port number, the first one: none if an earlier service of the
 * host already has one (Istio's serviceInstancesStore.addInstances). ServiceEntries come in the order in which an API
 * server lists them, by namespace and name. An endpoint without an address is skipped.
 */
function onePerPort(view: View, service: Service, endpoints: readonly Endpoint[]): readonly Endpoint[] {
  const services = view
    .query(servicesOfHost, service.hostname)
    .filter(({ registry }) => registry === 'External')
    .sort((a, b) => compareKeys(a.object, b.object));
  const earlier = services.slice(0, services.indexOf(service.key));
  const taken = new Set(earlier.flatMap((key) => view.query(servedPorts, key)));
  return endpoints.filter(({ address, servicePortName }) => {
    if (address === '') return false;
    const number = service.ports.find(({ name }) => name === servicePortName)?.port ?? 0;
    return !taken.has(number) && taken.add(number);
  });
}

function portsNamed(view: View, { meta, spec }: Resource<'service-entries'>, wanted: string): readonly EntryPort[] {
  const { ports = [] } = spec;
  return ports.length > manyPorts
    ? (view.query(portsOfEntry, keyOf(meta)).get(wanted) ?? [])
    : ports.filter(({ name = '' }) => name === wanted);
}

function endpointsOfEntry(view: View, service: Service, { port, address }: Wanted): readonly Endpoint[] {
  if (service.resolution !== 'DNSRoundRobinLB') return entryEndpointsOf(view, service, { port, address });
  const chosen = onePerPort(view, service, entryEndpointsOf(view, service, { port }));
  return address === undefined ? chosen : chosen.filter((endpoint) => endpoint.address === address);
}

function entryEndpointsOf(view: View, service: Service, { port, address }: Wanted): readonly Endpoint[] {
  const key = service.key.object;
  const serviceEntry = view.get('service-entries', key);
  if (!serviceEntry) return [];
  const ports = port === undefined ? (serviceEntry.spec.ports ?? []) : portsNamed(view, serviceEntry, port);
  if (serviceEntry.spec.workloadSelector) {
    const byName = service.resolution === 'DNSLB' || service.resolution === 'DNSRoundRobinLB';
    return workloadsOfEntry(view, service, address)
      .filter(({ dnsOnly }) => byName || !dnsOnly)
      .flatMap((instance) =>
        ports.map((each) => ({
          ...instance.endpoint,
          port: instancePort(instance, each),
          servicePortName: each.name ?? '',
        })),
      );
  }
  const endpoints = (view.derived(entryEndpoints, key) ?? []) as readonly WorkloadEntry[];
  const listed = address === undefined ? endpoints : endpoints.filter((endpoint) => endpoint.address === address);
  // An empty list would make the host itself the endpoint.
  if (listed.length === 0 && endpoints.length > 0) return [];
  const resource: Resource<'service-entries'> = {
    ...serviceEntry,
    spec: { ...serviceEntry.spec, ports, endpoints: listed },
  };
  const found = serviceEntryEndpoints(resource, service, endpointSources(view, key.cluster));
  return address === undefined ? found : found.filter((endpoint) => endpoint.address === address);
}

/** All endpoints of a service, of all ports. */
export const allEndpointsOf = worldQuery('all-endpoints-of', (view, key: ServiceKey) => endpointsOf(view, key));

/** Services of a hostname in a namespace, each in every cluster that has it. */
const shardsIn = (view: View, { hostname, namespace }: { hostname: string; namespace: string }): ServiceKey[] =>
  view
    .query(servicesOfHost, hostname)
    .filter(({ object }) => object.namespace === namespace)
    .flatMap((service) => shardsOf(view, service));

const isOnePerPort = (view: View, { object }: ServiceKey): boolean =>
  view.get('service-entries', object)?.spec.resolution === 'DNS_ROUND_ROBIN';

/**
 * Whether the hosts of a ServiceEntry have different endpoints: because each host is its own endpoint, or because other
 * services of a host matter as well. Otherwise all hosts have the same.
 */
export const isByHost = worldQuery('endpoints-are-by-host', (view, entry: ObjectKey): boolean => {
  const spec = view.get('service-entries', entry)?.spec;
  return (
    spec?.resolution === 'DNS_ROUND_ROBIN' ||
    (spec?.workloadSelector === undefined && view.derived(entryEndpoints, entry) === undefined)
  );
});

/** The service that a service shares its endpoints with: the first one of the same ServiceEntry, or itself. */
function sharedService(view: View, key: ServiceKey): ServiceKey {
  if (key.registry === 'Kubernetes' || view.query(isByHost, key.object)) return key;
  return view.query(servicesOfEntry, key.object)[0]?.key ?? key;
}

const sourceOf = (view: View, services: readonly ServiceKey[], port: string): EndpointSource =>
  sourceKey({ services: services.map((key) => sharedService(view, key)), port });

/** Where the endpoints of a port of a hostname in a namespace come from, in every registry (Istio's EndpointShards). */
export const endpointSource = worldQuery('endpoint-source', (view, key: PortKey): EndpointSource =>
  sourceOf(view, shardsIn(view, key), key.port),
);

/** The endpoints of a source; those of other ports are not made. */
export const endpointsFrom = worldQuery('endpoints', (view, { services, port }: EndpointSource): readonly Endpoint[] =>
  services.flatMap((service) => endpointsOf(view, service, { port })),
);

/** The ports of a service by their numbers. */
const portsByNumber = worldQuery(
  'ports-by-number',
  (view, key: ServiceKey): ReadonlyMap<number, readonly ServicePort[]> =>
    Map.groupBy(view.query(serviceOf, key)?.ports ?? [], ({ port }) => port),
);

const portsNumbered = (view: View, { key, ports }: Service, wanted: number): readonly ServicePort[] =>
  ports.length > manyPorts
    ? (view.query(portsByNumber, key).get(wanted) ?? [])
    : ports.filter(({ port }) => port === wanted);

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
      const service = view.query(serviceOf, shard);
      const position = (port: string): readonly Endpoint[] => view.query(endpointsFrom, sourceOf(view, [shard], port));
      if (shard.registry === 'Kubernetes' && service?.k8s.externalName === undefined) return position(key.port);
      return service === undefined
        ? []
        : portsNumbered(view, service, key.number).flatMap(({ name }) => position(name));
    });
  }),
);

/** The accounts of a service's endpoints. */
const accountsOf = worldQuery('endpoint-accounts', (view, key: ServiceKey): readonly string[] => {
  const found = new Set<string>();
  const add = ({ serviceAccount }: Pick<PortlessEndpoint, 'serviceAccount'>): void => {
    if (serviceAccount) found.add(serviceAccount);
  };
  if (key.registry === 'Kubernetes') {
    for (const { workloads, ports } of view.query(slicesOfService, key)) if (ports.length > 0) workloads.forEach(add);
    const service = view.query(serviceOf, key);
    if (service) workloadEntries(view, service).forEach(add);
  } else if (isOnePerPort(view, key)) view.query(allEndpointsOf, key).forEach(add);
  else {
    const ports = view.get('service-entries', key.object)?.spec.ports ?? [];
    for (const { name = '' } of ports.slice(0, 1)) endpointsOf(view, key, { port: name }).forEach(add);
  }
  return [...found].sort();
});

/**
 * SPIFFE identities that may serve a port of a host: the accounts of the host's endpoints, and what the newest of its
 * services with a port of that number says, each in all trust domains that the mesh goes by, sorted (Istio's
 * initServiceAccounts).
 */
export const serviceAccountsOf = worldQuery('service-accounts', (view, key: InstancesKey): readonly string[] => {
  const declared =
    view
      .query(servicesOfHost, key.hostname)
      .filter(({ object }) => object.namespace === key.namespace)
      .flatMap((service) => view.query(serviceOf, service) ?? [])
      .findLast((service) => portsNumbered(view, service, key.number).length > 0)?.serviceAccounts ?? [];
  const services = new Set(shardsIn(view, key).map((service) => sharedService(view, service)));
  const accounts = [...services].flatMap((service) => view.query(accountsOf, service));
  const aliases = setting(view, 'trustDomainAliases') ?? [];
  return [...new Set([...accounts, ...declared].flatMap((account) => withTrustDomains(account, aliases)))].sort();
});
