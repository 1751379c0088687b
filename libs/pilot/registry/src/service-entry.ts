import { bornAt, isAddress, parsePrefix, spiffeOf, parseProtocol } from '@flotilla/rules';
import { keyOf, type Resource, type ServiceEntry, type WorkloadEntry } from '@flotilla/model';
import { serviceKey } from './keys.ts';
import { augmentLabels } from './workload.ts';
import type { RegistryOptions } from './kubernetes-service.ts';
import type { Endpoint, Resolution, Service } from './types.ts';

const resolutions: Readonly<Record<NonNullable<ServiceEntry['resolution']>, Resolution>> = {
  NONE: 'Passthrough',
  STATIC: 'ClientSideLB',
  DNS: 'DNSLB',
  DNS_ROUND_ROBIN: 'DNSRoundRobinLB',
};

/**
 * Istio's convertServices (serviceregistry/serviceentry): one service for each host and address; CIDRs keep their form.
 */
export function convertServiceEntry(resource: Resource<'service-entries'>, options: RegistryOptions): Service[] {
  const { meta, spec } = resource;
  const resolution = resolutions[spec.resolution ?? 'NONE'];
  const addresses = spec.addresses?.length
    ? spec.addresses.filter((address) => isAddress(address) || parsePrefix(address).ok).map(normalizeAddress)
    : [''];
  const base = {
    namespace: meta.namespace,
    registry: 'External' as const,
    creationTime: bornAt(meta),
    ports: (spec.ports ?? []).map((port) => ({
      name: port.name ?? '',
      port: port.number ?? 0,
      protocol: parseProtocol(port.protocol ?? ''),
    })),
    autoAllocatedIPv4: '',
    autoAllocatedIPv6: '',
    resolution,
    meshExternal: (spec.location ?? 'MESH_EXTERNAL') === 'MESH_EXTERNAL',
    exportTo: new Set(spec.exportTo?.length ? spec.exportTo : options.defaultServiceExportTo),
    labels: meta.labels ?? {},
    labelSelectors: spec.workloadSelector?.labels ?? {},
    serviceAccounts: spec.subjectAltNames ?? [],
    k8s: {},
  };
  const object = keyOf(meta);
  return (spec.hosts ?? []).flatMap((hostname) =>
    addresses.map((address): Service => ({
      ...base,
      key: serviceKey({ object, registry: 'External', hostname, address }),
      hostname,
      name: hostname,
      defaultAddress: address || '0.0.0.0',
      addresses: address ? [address] : [],
    })),
  );
}

/** A /32 or /128 is the address itself. */
const normalizeAddress = (address: string): string => address.replace(address.includes(':') ? /\/128$/ : /\/32$/, '');

type Where = { readonly options: RegistryOptions; network(ip: string): string };

/**
 * The endpoints that a ServiceEntry names itself: its list, or for DNS without one its hosts, for each of its ports.
 */
export function serviceEntryEndpoints(
  resource: Resource<'service-entries'>,
  service: Service,
  where: Where,
): Endpoint[] {
  const { meta, spec } = resource;
  if (spec.workloadSelector || service.resolution === 'Passthrough') return [];
  if (!spec.endpoints?.length) {
    if (service.resolution !== 'DNSLB' && service.resolution !== 'DNSRoundRobinLB') return [];
    return (spec.ports ?? []).map((port) => ({
      ...unknownWorkload('', where),
      clusterId: '',
      address: service.hostname,
      port: port.targetPort || port.number || 0,
      servicePortName: port.name ?? '',
    }));
  }
  return (spec.ports ?? []).flatMap((port) =>
    (spec.endpoints ?? []).map((entry) =>
      workloadEntryEndpoint(
        { entry, namespace: '', identityNamespace: meta.namespace, labels: entry.labels ?? {}, name: '' },
        port,
        where,
      ),
    ),
  );
}

const unknownWorkload = (
  namespace: string,
  { options }: Where,
): Omit<Endpoint, 'address' | 'port' | 'servicePortName'> => ({
  labels: {},
  serviceAccount: '',
  network: '',
  locality: '',
  lbWeight: 0,
  tlsMode: 'disabled',
  namespace,
  workloadName: '',
  hostName: '',
  subDomain: '',
  health: 'Unknown',
  clusterId: options.clusterId,
  nodeName: '',
  discoverable: 'always',
});

type EntryPort = NonNullable<ServiceEntry['ports']>[number];
/**
 * `namespace` is for telemetry: the entries inside a ServiceEntry have none, only one that their accounts belong
 * to.
 */
export interface NamedWorkloadEntry {
  readonly entry: WorkloadEntry;
  readonly namespace: string;
  readonly identityNamespace?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly name: string;
}

/**
 * Istio's convertEndpoint: a WorkloadEntry, in a ServiceEntry or of its own, as an endpoint of one of the service's
 * ports.
 */
const workloadEntryEndpoint = (workload: NamedWorkloadEntry, port: EntryPort, where: Where): Endpoint => ({
  ...describeEntry(workload, where),
  port: entryPort(workload.entry, port),
  servicePortName: port.name ?? '',
});

/** What holds for a WorkloadEntry on every port. */
export function describeEntry(workload: NamedWorkloadEntry, where: Where): Omit<Endpoint, 'port' | 'servicePortName'> {
  const { entry, namespace } = workload;
  const unix = isUnix(entry);
  const locality = entry.locality ?? '';
  return {
    ...unknownWorkload(namespace, where),
    address: unix ? (entry.address ?? '').slice(unixPrefix.length) : (entry.address ?? ''),
    labels: augmentLabels(workload.labels, {
      clusterId: where.options.clusterId,
      locality,
      nodeName: '',
      network: entry.network ?? '',
    }),
    serviceAccount: entry.serviceAccount
      ? spiffeOf({
          trustDomain: where.options.trustDomain,
          namespace: workload.identityNamespace ?? namespace,
          serviceAccount: entry.serviceAccount,
        })
      : '',
    network: entry.network ?? '',
    locality,
    lbWeight: entry.weight ?? 0,
    tlsMode: tlsModeOf(workload),
    workloadName: workload.name,
  };
}

const unixPrefix = 'unix://';
const isUnix = ({ address }: WorkloadEntry): boolean => address?.startsWith(unixPrefix) ?? false;
/** The entry's own port of that name, else the target that the service names, else the service's. */
const entryPort = (entry: WorkloadEntry, port: EntryPort): number =>
  isUnix(entry) ? 0 : entry.ports?.[port.name ?? ''] || port.targetPort || port.number || 0;

/**
 * The label decides; without it, a workload with a service account is taken to have a sidecar (Istio's
 * getTLSModeFromWorkloadEntry).
 */
function tlsModeOf({ labels, entry }: NamedWorkloadEntry): 'istio' | 'disabled' {
  const label = labels['security.istio.io/tlsMode'];
  return label === 'istio' || (label === undefined && entry.serviceAccount) ? 'istio' : 'disabled';
}
