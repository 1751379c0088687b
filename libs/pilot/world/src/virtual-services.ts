import { compareText } from '@flotilla/std';
import {
  objectKey,
  type Destination,
  type HTTPRoute,
  type ObjectKey,
  type Resource,
  type VirtualService,
} from '@flotilla/model';
import { defineKey, type KeyOf } from '@flotilla/query';
import { bornAt, resolveShortName } from '@flotilla/rules';
import { mergeDelegates } from './delegates.ts';
import { resolveGateway } from './gateway-name.ts';
import { domainOf, setting } from './mesh-settings.ts';
import { virtualServiceHeaders } from './store.ts';
import { worldQuery, type View } from './view.ts';

/** A VirtualService with its names made whole: hosts, destinations and gateways (`namespace/name`; `mesh` stays). */
export interface ResolvedVirtualService {
  readonly key: ObjectKey;
  readonly meta: Resource['meta'];
  readonly spec: VirtualService;
}

const resolvedOwn = worldQuery(
  'virtual-service-resolved',
  (view, key: ObjectKey): ResolvedVirtualService | undefined => {
    const resource = view.get('virtual-services', key);
    return resource && { key, meta: resource.meta, spec: resolveNames(resource, domainOf(view)) };
  },
);

/**
 * A VirtualService as its clients see it: names made whole, delegates merged in. Undefined for one that isn't there, or
 * is only a delegate.
 */
export const virtualServiceOf = worldQuery(
  'virtual-service',
  (view, key: ObjectKey): ResolvedVirtualService | undefined => {
    const resolved = view.query(resolvedOwn, key);
    if (!resolved || !resolved.spec.hosts?.length) return undefined;
    if (!resolved.spec.http?.some(({ delegate }) => delegate)) return resolved;
    const http = mergeDelegates(resolved, ({ name = '', namespace = '' }) => {
      const delegate = view.query(resolvedOwn, objectKey({ namespace, name, cluster: key.cluster }));
      return delegate && !delegate.spec.hosts?.length && exportedTo(view, delegate, resolved.meta.namespace)
        ? delegate
        : undefined;
    });
    return { ...resolved, spec: { ...resolved.spec, http } };
  },
);

/** What decides who uses a VirtualService and in which order. */
export interface VirtualServiceHeader {
  readonly key: ObjectKey;
  readonly namespace: string;
  readonly name: string;
  readonly time: number;
  readonly hosts: readonly string[];
  readonly gateways: readonly string[];
  readonly exportTo: ReadonlySet<string>;
}
export const virtualServiceHeader = worldQuery(
  'virtual-service-header',
  (view, key: ObjectKey): VirtualServiceHeader | undefined => {
    const resource = view.derived(virtualServiceHeaders, key) as Resource<'virtual-services'> | undefined;
    if (!resource?.spec.hosts?.length) return undefined;
    const found = { key, meta: resource.meta, spec: resolveNames(resource, domainOf(view)) };
    const { meta, spec } = found;
    return {
      key,
      namespace: meta.namespace,
      name: meta.name,
      time: bornAt(meta),
      hosts: spec.hosts ?? [],
      gateways: spec.gateways?.length ? spec.gateways : ['mesh'],
      exportTo: exportToOf(view, found),
    };
  },
);

/** Where VirtualServices are used: by proxies of a namespace, for `mesh` or the Gateway `namespace/name`. */
export const gatewayUse = defineKey<{ readonly gateway: string; readonly namespace: string }>()('gateway', 'namespace');

/**
 * Keys of the VirtualServices that a gateway uses for proxies of a namespace. Private ones first, then exported ones,
 * then public ones; in each the oldest first.
 */
export const virtualServicesFor = worldQuery(
  'virtual-services-for',
  (view, { gateway, namespace }: KeyOf<typeof gatewayUse>): readonly ObjectKey[] => {
    const headers = view.query(orderedHeaders, '').filter(({ gateways }) => gateways.includes(gateway));
    return visibleFirst(headers, namespace).map(({ key }) => key);
  },
);

const orderedHeaders = worldQuery('virtual-services-ordered', (view): readonly VirtualServiceHeader[] =>
  view
    .list('virtual-services')
    .flatMap((key) => view.query(virtualServiceHeader, key) ?? [])
    .sort((a, b) => a.time - b.time || compareText(`${a.name}.${a.namespace}`, `${b.name}.${b.namespace}`)),
);

/**
 * Headers of a Sidecar's VirtualServices: those visible from its namespace whose host some egress host names (Istio's
 * SelectVirtualServices).
 */
export function selectVirtualServices(
  view: View,
  namespace: string,
  imported: (hostNamespace: string, host: string) => boolean,
): ObjectKey[] {
  const headers = visibleFirst(
    view.query(orderedHeaders, '').filter(({ gateways }) => gateways.includes('mesh')),
    namespace,
  );
  return headers
    .filter((header) => header.hosts.some((host) => imported(header.namespace, host)))
    .map(({ key }) => key);
}

function visibleFirst(headers: readonly VirtualServiceHeader[], namespace: string): VirtualServiceHeader[] {
  const isPublic = ({ exportTo }: VirtualServiceHeader): boolean => exportTo.has('*');
  const isPrivate = (h: VirtualServiceHeader): boolean =>
    !isPublic(h) &&
    !h.exportTo.has('~') &&
    h.namespace === namespace &&
    (h.exportTo.has('.') || h.exportTo.has(namespace));
  const isGiven = (h: VirtualServiceHeader): boolean =>
    !isPublic(h) && !h.exportTo.has('~') && h.namespace !== namespace && h.exportTo.has(namespace);
  return [...headers.filter(isPrivate), ...headers.filter(isGiven), ...headers.filter(isPublic)];
}

const exportToOf = (view: View, { spec }: ResolvedVirtualService): ReadonlySet<string> =>
  new Set(spec.exportTo?.length ? spec.exportTo : (setting(view, 'defaultVirtualServiceExportTo') ?? ['*']));

function exportedTo(view: View, delegate: ResolvedVirtualService, namespace: string): boolean {
  const exportTo = exportToOf(view, delegate);
  return exportTo.has('*') || exportTo.has(namespace) || (exportTo.has('.') && delegate.meta.namespace === namespace);
}

function resolveNames({ meta, spec }: Resource<'virtual-services'>, domain: string): VirtualService {
  const name = (host: string): string => resolveShortName(host, meta, domain);
  const gateway = (g: string): string => resolveGateway(g, meta.namespace);
  const destinationOf = (destination: Destination | undefined): Destination | undefined =>
    destination && { ...destination, host: name(destination.host ?? '') };
  const matchesOf = <M extends { readonly gateways?: readonly string[] }>(
    match: readonly M[] | undefined,
  ): readonly M[] | undefined => match?.map((m) => (m.gateways ? { ...m, gateways: m.gateways.map(gateway) } : m));
  return {
    ...spec,
    hosts: spec.hosts?.map(name),
    gateways: spec.gateways?.map(gateway),
    http: spec.http?.map((route): HTTPRoute => ({
      ...route,
      match: matchesOf(route.match),
      mirror: destinationOf(route.mirror),
      mirrors: route.mirrors?.map((m) => ({ ...m, destination: destinationOf(m.destination) })),
      route: route.route?.map((r) => ({ ...r, destination: destinationOf(r.destination) })),
      ...(route.delegate
        ? { delegate: { name: route.delegate.name, namespace: route.delegate.namespace || meta.namespace } }
        : {}),
    })),
    tcp: spec.tcp?.map((route) => ({
      match: matchesOf(route.match),
      route: route.route?.map((r) => ({ ...r, destination: destinationOf(r.destination) })),
    })),
    tls: spec.tls?.map((route) => ({
      match: matchesOf(route.match),
      route: route.route?.map((r) => ({ ...r, destination: destinationOf(r.destination) })),
    })),
  };
}
