import {
  externalNameEndpoints,
  instanceTargetPort,
  sliceEndpoints,
  type Endpoint,
  type Service,
  type ServiceKey,
  type SliceEndpoints,
} from '@flotilla/pilot-registry';
import { serviceOf } from './services.ts';
import { worldQuery, type View } from './view.ts';
import { endpointSources, selectedEntries } from './workloads.ts';

/** Limits which endpoints of a service are made: those of a port, or those at an address. */
export interface Wanted {
  readonly port?: string | undefined;
  readonly address?: string | undefined;
}

/** What the EndpointSlices of a Kubernetes Service have, in order. */
export const slicesOfService = worldQuery('endpoint-slices-of', (view, key: ServiceKey): readonly SliceEndpoints[] => {
  const service = view.query(serviceOf, key);
  const sources = endpointSources(view, key.object.cluster);
  return view
    .index('endpoint-slices', 'service', key.object)
    .flatMap((slice) => view.get('endpoint-slices', slice) ?? [])
    .flatMap((slice) => (service ? sliceEndpoints(slice, service, sources) : []));
});

interface SlicePort {
  /** The index of the slice among those of the service. */
  readonly slice: number;
  readonly port: number;
}
/** The ports of slices, by their names. */
const portsIn = (slices: readonly SliceEndpoints[]): ReadonlyMap<string, readonly SlicePort[]> =>
  Map.groupBy(
    slices.flatMap(({ ports }, slice) => ports.map(({ name, port }) => ({ name, slice, port }))),
    ({ name }) => name,
  );
const slicePortsOf = worldQuery('endpoint-slice-ports-of', (view, key: ServiceKey) =>
  portsIn(view.query(slicesOfService, key)),
);

/** With more ports than this, a port is found in a map by name, which is kept. */
export const manyPorts = 16;

export function kubernetesEndpoints(view: View, service: Service, { port, address }: Wanted): readonly Endpoint[] {
  // An external name replaces the endpoints only if no port has any.
  const isAll = port === undefined || service.k8s.externalName !== undefined;
  const fromSlices = isAll ? endpointsInSlices(view, service.key) : endpointsAtPort(view, service, port);
  const known = new Set<string>();
  const unique = fromSlices.filter((endpoint) => {
    const id = `${endpoint.address}|${endpoint.port}|${endpoint.servicePortName}`;
    return !known.has(id) && known.add(id);
  });
  const found = [...unique, ...workloadEntries(view, service, isAll ? undefined : port)];
  const all = found.length > 0 ? found : externalNameEndpoints(service);
  return all.filter(
    (endpoint) =>
      (port === undefined || endpoint.servicePortName === port) &&
      (address === undefined || endpoint.address === address),
  );
}

const endpointsInSlices = (view: View, key: ServiceKey): Endpoint[] =>
  view
    .query(slicesOfService, key)
    .flatMap(({ workloads, ports }) =>
      workloads.flatMap((workload) => ports.map(({ name, port }) => ({ ...workload, port, servicePortName: name }))),
    );

function endpointsAtPort(view: View, { key, ports }: Service, name: string): Endpoint[] {
  const slices = view.query(slicesOfService, key);
  const served =
    ports.length > manyPorts ? (view.query(slicePortsOf, key).get(name) ?? []) : (portsIn(slices).get(name) ?? []);
  return served.flatMap(({ slice, port }) =>
    (slices[slice]?.workloads ?? []).map((workload) => ({ ...workload, port, servicePortName: name })),
  );
}

/**
 * WorkloadEntries of its cluster that a Kubernetes Service selects: of those whose endpoints Envoy gets, and only by
 * address.
 */
export function workloadEntries(view: View, service: Service, wanted?: string): Endpoint[] {
  if (service.resolution !== 'ClientSideLB') return [];
  const instances = selectedEntries(view, service, service.key.object.cluster).filter(({ dnsOnly }) => !dnsOnly);
  if (instances.length === 0) return [];
  const all = view.get('services', service.key.object)?.spec.ports ?? [];
  const ports = wanted === undefined ? all : all.filter(({ name = '' }) => name === wanted);
  return instances.flatMap((instance) =>
    ports.flatMap((port) => {
      const target = instanceTargetPort(instance, port);
      return target === undefined ? [] : [{ ...instance.endpoint, port: target, servicePortName: port.name ?? '' }];
    }),
  );
}
