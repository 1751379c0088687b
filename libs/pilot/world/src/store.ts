import {
  collections,
  defaultInstallation,
  objectKey,
  type AnyResource,
  type Collection,
  type Installation,
  type JwksFetchMode,
  type ObjectKey,
  type Resource,
  type VirtualService,
  type WorkloadEntry,
} from '@flotilla/model';
import { Store, type Cell, type Change, type CollectionIndexes, type StoreKey } from '@flotilla/query';
import { credentialReaders, credentials } from './credentials.ts';
import { podIPs } from '@flotilla/pilot-registry';
import { isWildcard, resolveShortName } from '@flotilla/rules';

type Index<C extends Collection> = (resource: Resource<C>) => Iterable<StoreKey>;
const namespace = ({ meta }: AnyResource): string[] => [meta.namespace];
const indexes = <C extends Collection>(_collection: C, named: Record<string, Index<C>>): CollectionIndexes =>
  ({ namespace, ...named }) as CollectionIndexes;

/** The slice label that names its Service. */
const serviceName = 'kubernetes.io/service-name';

/** The Service of an EndpointSlice, which is of the same cluster. */
const serviceOfSlice = ({ meta: { labels, namespace, cluster } }: Resource<'endpoint-slices'>): ObjectKey[] => {
  const name = labels?.[serviceName];
  return name ? [objectKey({ namespace, name, cluster })] : [];
};

/** What all wildcards are filed under. */
export const anyWildcard = '*';

/** A rule's host; a short name as resolved, but without the cluster's domain. */
const hostOfRule = ({ meta, spec: { host = '' } }: Resource<'destination-rules'>): string[] => [
  isWildcard(host) ? anyWildcard : resolveShortName(host, meta, ''),
];

/** What queries can ask for besides keys; every collection also has `namespace`. */
const special: Partial<Record<Collection, CollectionIndexes>> = {
  // `name.namespace`, the hostname without its domain
  services: indexes('services', { host: ({ meta }) => [`${meta.name}.${meta.namespace}`] }),
  'service-entries': indexes('service-entries', {
    host: ({ spec }) => spec.hosts ?? [],
    selecting: ({ meta, spec }) => (spec.workloadSelector ? [meta.namespace] : []),
  }),
  'destination-rules': indexes('destination-rules', { host: hostOfRule }),
  'endpoint-slices': indexes('endpoint-slices', {
    service: serviceOfSlice,
    ip: ({ spec }) => new Set((spec.endpoints ?? []).flatMap(({ addresses }) => addresses)),
  }),
  pods: indexes('pods', { ip: (pod) => podIPs(pod) }),
  'workload-entries': indexes('workload-entries', { address: ({ spec }) => (spec.address ? [spec.address] : []) }),
};

/** The World's store: every collection of the bus, empty, and where this control plane is installed. */
export function createWorldStore(
  installed: Installation = defaultInstallation,
  features: PilotFeatures = defaultFeatures,
): Store {
  const store = new Store({
    ...Object.fromEntries(collections.map((collection) => [collection, special[collection] ?? { namespace }])),
    [virtualServiceHeaders]: {},
    [credentials]: {},
    [credentialReaders]: {},
    [keySets]: {},
    [resourcePatches]: { kind: ({ kind }: { readonly kind: string }) => [kind] } as CollectionIndexes,
    [entryEndpoints]: {
      address: (endpoints: readonly WorkloadEntry[]) => new Set(endpoints.flatMap(({ address }) => address ?? [])),
    } as CollectionIndexes,
    [installation]: {},
    [pilotFeatures]: {},
  });
  store.apply([
    { collection: installation, key: '', value: installed },
    { collection: pilotFeatures, key: '', value: features },
  ]);
  return store;
}

/** Key sets as text, by the place that they are fetched from: those that pilot fetches and has. */
export const keySets = 'key-sets';

/** A collection of one value, under `''`: the Installation. */
export const installation = 'installation';

/** What pilot's settings change for all proxies. */
export interface PilotFeatures {
  readonly jwksFetchMode: JwksFetchMode;
}
/** A collection of one value, under `''`: the PilotFeatures. */
export const pilotFeatures = 'pilot-features';
const defaultFeatures: PilotFeatures = { jwksFetchMode: 'istiod' };

/** Patches of generated resources, filed under the kind of resource that they change (pilot-xds, finish/patches.ts). */
export const resourcePatches = 'resource-patches';

/**
 * The endpoints that ServiceEntries name, by the entry's key: kept apart, so that their change does not affect readers
 * of the service alone.
 */
export const entryEndpoints = 'service-entry-endpoints';

/** What decides who uses a VirtualService, apart from its routes. */
export const virtualServiceHeaders = 'virtual-service-headers';
const headerOf = ({ hosts, gateways, exportTo }: VirtualService): VirtualService => ({ hosts, gateways, exportTo });

/**
 * A resource's new value, or its end, as changes of the store: a ServiceEntry is split into service and endpoints
 * before anyone reads it.
 */
export function worldChanges(collection: Collection, key: ObjectKey, resource?: AnyResource): Change[] {
  if (collection === 'virtual-services') {
    const header: Resource<'virtual-services'> | undefined =
      resource?.collection === collection ? { ...resource, spec: headerOf(resource.spec) } : undefined;
    return [
      { collection, key, value: resource },
      { collection: virtualServiceHeaders, key, value: header },
    ];
  }
  if (collection !== 'service-entries' || (resource && resource.collection !== 'service-entries'))
    return [{ collection, key, value: resource }];
  const { endpoints, ...spec } = resource?.spec ?? {};
  return [
    { collection, key, value: resource && { ...resource, spec } },
    { collection: entryEndpoints, key, value: endpoints?.length ? endpoints : undefined },
  ];
}

/**
 * The cells of the store that hold an object. A VirtualService's header is left out: many read it only to learn that
 * the VirtualService is not theirs.
 */
export const cellsOf = (collection: Collection, key: ObjectKey): Cell[] =>
  worldChanges(collection, key).flatMap((change): Cell[] =>
    change.collection === virtualServiceHeaders
      ? []
      : [{ kind: 'value', collection: change.collection, key: change.key }],
  );
