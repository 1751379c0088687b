import { compareText, groupBy } from '@flotilla/std';
import { keyOf, type IstioEgressListener, type ObjectKey, type Resource } from '@flotilla/model';
import { defineKey, type Key, type KeyOf } from '@flotilla/query';
import { type Service, type ServiceKey, type ServicePort } from '@flotilla/pilot-registry';
import { compareAge, HostIndex, hostMatches, isWildcard } from '@flotilla/rules';
import { rootNamespace } from './mesh-settings.ts';
import {
  exportedOfHost,
  exportedServices,
  isExported,
  ownerOf,
  serviceHeader,
  serviceOf,
  servicesOfHost,
  type ServiceHeader,
} from './services.ts';
import { isSelected, worldQuery, type View } from './view.ts';
import { gatewayUse, selectVirtualServices, virtualServiceOf, virtualServicesFor } from './virtual-services.ts';

interface PortsOf {
  readonly key: ServiceKey;
  readonly ports?: readonly number[] | undefined;
}
const portsOfService = defineKey<PortsOf>()('key', 'ports');
interface ServiceInScope extends PortsOf {
  readonly hostname: string;
  readonly namespace: string;
  readonly also?: readonly Key<PortsOf>[] | undefined;
}
/**
 * A service in a scope; `ports` when only some of its ports are, `also` for ports that other services of its host and
 * namespace add.
 */
const serviceRef = defineKey<ServiceInScope>()('key', 'ports', 'also', 'hostname', 'namespace');
export type ServiceRef = KeyOf<typeof serviceRef>;
export interface EgressScope {
  /** As the Sidecar gives it; undefined in the default scope. */
  readonly listener?: IstioEgressListener;
  readonly services: readonly ServiceRef[];
  /** Keys, in the order in which they apply. */
  readonly virtualServices: readonly ObjectKey[];
}
/** What a proxy sees of the mesh (Istio's SidecarScope). */
export interface SidecarScope {
  readonly namespace: string;
  /** The Sidecar in force; its key in the World. */
  readonly sidecar?: ObjectKey;
  readonly egress: readonly EgressScope[];
  /** All services, in order; a hostname can come more than once in the default scope. */
  readonly services: readonly ServiceRef[];
}

/**
 * The Sidecar that is in force for a proxy: one that selects it, else its namespace's without selector, else the root
 * namespace's. Gateways have none.
 */
const sidecarOf = worldQuery('sidecar-of', (view): ObjectKey | undefined => {
  if (view.attr('type') !== 'sidecar') return undefined;
  const namespace = view.attr('namespace');
  const sidecarsIn = (ns: string): Resource<'sidecars'>[] =>
    view
      .index('sidecars', 'namespace', ns)
      .flatMap((key) => view.get('sidecars', key) ?? [])
      .sort((a, b) => compareAge(a.meta, b.meta));
  const selects = ({ spec }: Resource<'sidecars'>): boolean => isSelected(view, spec.workloadSelector?.labels);
  const hasSelector = ({ spec }: Resource<'sidecars'>): boolean =>
    Object.keys(spec.workloadSelector?.labels ?? {}).length > 0;
  const sidecars = sidecarsIn(namespace);
  const root = rootNamespace(view);
  const found =
    sidecars.find((s) => hasSelector(s) && selects(s)) ??
    sidecars.find((s) => !hasSelector(s)) ??
    (namespace === root ? undefined : sidecarsIn(root).find((s) => !hasSelector(s)));
  return found && keyOf(found.meta);
});

/** The Sidecar's own words, for those who need its ingress or outboundTrafficPolicy. */
export const sidecarResource = (view: View): Resource<'sidecars'> | undefined => {
  const key = view.query(sidecarOf, '');
  return key === undefined ? undefined : view.get('sidecars', key);
};

export const sidecarScope = worldQuery('sidecar-scope', (view): SidecarScope => {
  return view.query(scopeOf, scopeKey({ namespace: view.attr('namespace'), sidecar: view.query(sidecarOf, '') }));
});

interface ScopeFields {
  readonly namespace: string;
  readonly sidecar: ObjectKey | undefined;
}
/** What proxies have in common that share a scope. */
const scopeKey = defineKey<ScopeFields>()('namespace', 'sidecar');
const scopeOf = worldQuery('scope-of', (view, { namespace, sidecar }: KeyOf<typeof scopeKey>): SidecarScope => {
  const services = view.query(exportedServices, namespace);
  if (sidecar === undefined) {
    const refs = services.map((header) => refOf(header));
    return {
      namespace,
      egress: [
        { services: refs, virtualServices: view.query(virtualServicesFor, gatewayUse({ gateway: 'mesh', namespace })) },
      ],
      services: refs,
    };
  }
  const egress = view.get('sidecars', sidecar)?.spec.egress;
  const listeners = (egress?.length ? egress : [{ hosts: ['*/*'] } satisfies IstioEgressListener]).map((listener) =>
    egressScope(view, namespace, listener),
  );
  return { namespace, sidecar, egress: listeners, services: allOf(view, namespace, listeners) };
});

const refOf = ({ key, hostname, namespace }: ServiceHeader, ports?: readonly number[]): ServiceRef =>
  serviceRef({ key, hostname, namespace, ports });

function egressScope(view: View, namespace: string, listener: IstioEgressListener): EgressScope {
  const hosts = (listener.hosts ?? []).flatMap((entry) => {
    const slash = entry.indexOf('/');
    const ns = entry.slice(0, slash);
    return ns === '~' || slash < 0 ? [] : [{ ns: ns === '.' ? namespace : ns, host: entry.slice(slash + 1) }];
  });
  const port = wantedPort(listener);
  const byNamespace = groupBy(hosts, ({ ns }) => ns);
  const indexes = new Map([...byNamespace].map(([ns, named]) => [ns, new HostIndex(named.map(({ host }) => host))]));
  const covers = (from: string, host: string): boolean =>
    Boolean(indexes.get(from)?.covers(host) || indexes.get('*')?.covers(host));
  const select = (header: ServiceHeader): ServiceRef[] => {
    if (!covers(header.namespace, header.hostname)) return [];
    if (port === undefined) return [refOf(header)];
    return header.ports.includes(port) ? [refOf(header, [port])] : [];
  };
  const imported = view.query(exportedServices, namespace).flatMap(select);
  const owner = new Map<string, string>();
  for (const { hostname, namespace: from } of imported)
    if (!owner.has(hostname) || from === namespace) owner.set(hostname, from);
  const importsVirtualService = (from: string, host: string): boolean =>
    covers(from, host) ||
    (isWildcard(host) && hosts.some((h) => (h.ns === from || h.ns === '*') && hostMatches(h.host, host)));
  return {
    listener,
    services: imported.filter(({ hostname, namespace: from }) => owner.get(hostname) === from),
    virtualServices: selectVirtualServices(view, namespace, importsVirtualService),
  };
}

/** The only port of services that a listener shows; undefined for all of them, to which an HTTP proxy leads too. */
const wantedPort = ({ port }: IstioEgressListener): number | undefined =>
  port?.protocol?.toUpperCase() === 'HTTP_PROXY' ? undefined : port?.number || undefined;

/**
 * What the listeners import, and what their VirtualServices lead to (Istio's ConvertToSidecarScope): of the namespace's
 * own services, whoever sees them, else of the first namespace that has the host for it; with the listener's port where
 * that has one, else with the ports led to. Ports of one host in one namespace come together, from whichever listeners
 * and services; the first says everything else.
 */
function allOf(view: View, namespace: string, listeners: readonly EgressScope[]): ServiceRef[] {
  const all = new Map<string, ServiceRef>();
  const portsOf = ({ key, ports }: PortsOf): readonly number[] => ports ?? view.query(serviceHeader, key)?.ports ?? [];
  const add = (ref: ServiceRef): void => {
    const known = all.get(ref.hostname);
    if (!known) all.set(ref.hostname, ref);
    else if (known.namespace === ref.namespace) {
      const { also = [] } = known;
      const shown = [known, ...also].flatMap(portsOf);
      const more = [...new Set(portsOf(ref))].filter((port) => !shown.includes(port));
      if (more.length > 0)
        all.set(
          ref.hostname,
          ref.key === known.key
            ? serviceRef({ ...known, ports: [...portsOf(known), ...more] })
            : serviceRef({ ...known, also: [...also, portsOfService({ key: ref.key, ports: more })] }),
        );
    }
  };
  for (const egress of listeners) {
    egress.services.forEach(add);
    const only = egress.listener && wantedPort(egress.listener);
    for (const key of egress.virtualServices)
      for (const [host, named] of destinationsOf(view, key)) {
        const found = destinationOf(view, host, namespace);
        if (!found) continue;
        const ports = only === undefined ? named : new Set([only]);
        const matching = found.ports.filter((port) => ports.has(port));
        if (ports.size === 0) add(refOf(found));
        else if (matching.length > 0) add(refOf(found, matching));
      }
  }
  return [...all.values()];
}

function destinationOf(view: View, host: string, namespace: string): ServiceHeader | undefined {
  const all = view.query(servicesOfHost, host).flatMap((key) => view.query(serviceHeader, key) ?? []);
  const local = ownerOf(all.filter((header) => header.namespace === namespace));
  if (local) return local;
  const owners = [...groupBy(all, (header) => header.namespace).values()]
    .flatMap((headers) => ownerOf(headers) ?? [])
    .filter((header) => isExported(header, namespace));
  return owners.sort((a, b) => compareText(a.namespace, b.namespace))[0];
}

/** Hosts that a VirtualService leads to, with the ports it names; none means all. */
const destinations = worldQuery(
  'virtual-service-destinations',
  (view, key: ObjectKey): ReadonlyMap<string, ReadonlySet<number>> => {
    const spec = view.query(virtualServiceOf, key)?.spec;
    const found = new Map<string, Set<number> | 'all'>();
    const all = [
      ...(spec?.http ?? []).flatMap(({ route, mirror }) => [...(route ?? []).map((r) => r.destination), mirror]),
      ...[...(spec?.tcp ?? []), ...(spec?.tls ?? [])].flatMap(({ route }) => (route ?? []).map((r) => r.destination)),
    ];
    for (const destination of all) {
      if (!destination?.host) continue;
      const known = found.get(destination.host);
      const port = destination.port?.number;
      if (!port || known === 'all') found.set(destination.host, 'all');
      else found.set(destination.host, (known ?? new Set<number>()).add(port));
    }
    return new Map([...found].map(([host, ports]) => [host, ports === 'all' ? new Set<number>() : ports]));
  },
);
const destinationsOf = (view: View, key: ObjectKey): ReadonlyMap<string, ReadonlySet<number>> =>
  view.query(destinations, key);

/** A service as the scope shows it: with only the ports it has there. */
export function scopedService(view: View, ref: ServiceRef): Service | undefined {
  const service = view.query(serviceOf, ref.key);
  if (!service || (!ref.ports && !ref.also)) return service;
  // A number that is listed twice is that of two ports, one of them UDP.
  const shown = (shownService: Service | undefined, numbers: readonly number[]): ServicePort[] => {
    const left = new Map<number, number>();
    for (const number of numbers) left.set(number, (left.get(number) ?? 0) + 1);
    return (shownService?.ports ?? []).filter(({ port }) => {
      const count = left.get(port) ?? 0;
      left.set(port, count - 1);
      return count > 0;
    });
  };
  return {
    ...service,
    ports: [
      ...(ref.ports ? shown(service, ref.ports) : service.ports),
      ...(ref.also ?? []).flatMap(({ key, ports = [] }) => shown(view.query(serviceOf, key), ports)),
    ],
  };
}

/** Of services in order, each hostname's owner: the first, but one of Kubernetes before one that isn't. */
export function ownersOf(refs: readonly ServiceRef[]): Map<string, ServiceRef> {
  const found = new Map<string, ServiceRef>();
  for (const ref of refs) {
    const known = found.get(ref.hostname);
    if (!known || (known.key.registry !== 'Kubernetes' && ref.key.registry === 'Kubernetes'))
      found.set(ref.hostname, ref);
  }
  return found;
}
const owners = worldQuery('scope-owners', (view): ReadonlyMap<string, ServiceRef> =>
  ownersOf(view.query(sidecarScope, '').services),
);

/**
 * The owner of a hostname of the scope. Without a Sidecar only services of that hostname decide; with one each hostname
 * has one owner.
 */
export const scopeOwner = worldQuery('scope-owner', (view, host): ServiceRef | undefined => {
  if (!view.isEmpty('sidecars') && view.query(sidecarOf, '') !== undefined) return view.query(owners, '').get(host);
  const owner = ownerOf(exportedOfHost(view, host));
  return owner && refOf(owner);
});

/** The service that a hostname means to this proxy (Istio's SidecarScope.GetService / servicesByHostname). */
export const serviceForHost = (view: View, host: string): Service | undefined => {
  const ref = view.query(scopeOwner, host);
  return ref && scopedService(view, ref);
};
