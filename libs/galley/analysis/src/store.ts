import {
  collections,
  defaultInstallation,
  type AnyResource,
  type Collection,
  type Installation,
  type MeshConfig,
  type ObjectKey,
  type Resource,
  type VirtualService,
} from '@flotilla/model';
import { Store, type CollectionIndexes } from '@flotilla/query';
import { resolveShortName, serviceHostname, type Labels } from '@flotilla/rules';
import { gatewayPorts } from './gateway-ports.ts';
import type { View } from './view.ts';

const installationOf = (view: View): Installation => view.get('installation', '') ?? defaultInstallation;

/** The DNS suffix of the cluster's Services. */
export const clusterDomain = (view: View): string => installationOf(view).domain;

const resolveHost = (host: string, namespace: string, domain: string): string =>
  host.startsWith('*') ? host : resolveShortName(host, { namespace }, domain);
/** The host that a name in an object of a namespace means. */
export const hostOf = (view: View, host: string, namespace: string): string =>
  resolveHost(host, namespace, installationOf(view).domain);

/** `namespace/name` of the Gateway that a VirtualService names; undefined for the sidecars of the mesh. */
export function gatewayOf(name: string, namespace: string): string | undefined {
  if (name === 'mesh') return undefined;
  if (name.includes('/')) return name;
  return name.includes('.') ? name.split('.').slice(0, 2).reverse().join('/') : `${namespace}/${name}`;
}

/** Whether the rules of a VirtualService are for the sidecars of the mesh. */
export const isForMesh = ({ gateways }: VirtualService): boolean => !gateways?.length || gateways.includes('mesh');

/** The labels that a WorkloadEntry is selected by. */
export const labelsOfEntry = ({ spec, meta }: Resource<'workload-entries'>): Labels => ({
  ...meta.labels,
  ...spec.labels,
});

/** The key in galley's store of what pilots report of an object's credentials. */
export const credentialsKey = (collection: Collection, { cluster, namespace, name }: ObjectKey): string =>
  `${collection} ${cluster} ${namespace}/${name}`;

/** The mesh's configuration, over its defaults. */
export const meshConfig = (view: View): MeshConfig | undefined => {
  const [key] = view.list('mesh-config');
  return key && view.get('mesh-config', key)?.spec;
};

/** The namespace whose policies are for the whole mesh. */
export const rootNamespace = (view: View): string =>
  meshConfig(view)?.rootNamespace || installationOf(view).systemNamespace;

const labelsIn = (labels: Labels | undefined): readonly string[] =>
  Object.entries(labels ?? {}).map(([name, value]) => `${name}=${value}`);

type Index<C extends Collection> = (resource: Resource<C>) => Iterable<string>;
/** Every collection is filed by `key` (over all clusters) and by `namespace`. */
const common: Record<string, (resource: AnyResource) => string[]> = {
  key: ({ meta }) => [`${meta.namespace}/${meta.name}`],
  namespace: ({ meta }) => [meta.namespace],
};
const indexes = <C extends Collection>(_collection: C, named: Record<string, Index<C>>): CollectionIndexes =>
  ({ ...common, ...named }) as CollectionIndexes;

const specialIndexes = (domain: string): Partial<Record<Collection, CollectionIndexes>> => ({
  services: indexes('services', {
    host: ({ meta }) => [serviceHostname(meta.name, meta.namespace, domain)],
  }),
  'service-entries': indexes('service-entries', {
    host: ({ spec, meta }) => new Set((spec.hosts ?? []).map((host) => resolveHost(host, meta.namespace, domain))),
  }),
  pods: indexes('pods', { label: ({ meta }) => labelsIn(meta.labels) }),
  'workload-entries': indexes('workload-entries', { label: (entry) => labelsIn(labelsOfEntry(entry)) }),
  gateways: indexes('gateways', {
    port: ({ spec }) => gatewayPorts(spec).map(({ key }) => key),
    portNumber: ({ spec }) => gatewayPorts(spec).map(({ number }) => String(number)),
  }),
  'virtual-services': indexes('virtual-services', {
    meshHost: ({ spec, meta }) =>
      isForMesh(spec) ? new Set((spec.hosts ?? []).map((host) => resolveHost(host, meta.namespace, domain))) : [],
  }),
  'destination-rules': indexes('destination-rules', {
    host: ({ spec, meta }) => [resolveHost(spec.host ?? '', meta.namespace, domain)],
  }),
});

/** The store of everything that sources have, after each object is checked by itself: the input of galley's queries. */
export function createGalleyStore(installed: Installation = defaultInstallation): Store {
  const special = specialIndexes(installed.domain);
  const store = new Store({
    ...Object.fromEntries(
      collections.map((collection) => [collection, special[collection] ?? (common as CollectionIndexes)]),
    ),
    installation: {},
    'unserved-credentials': {},
  });
  store.apply([{ collection: 'installation', key: '', value: installed }]);
  return store;
}
