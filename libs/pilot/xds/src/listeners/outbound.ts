import { instancesKeyOf, type Service, type ServicePort } from '@flotilla/pilot-registry';
import { isHttp, isTcp, isUnsupported, parseProtocol } from '@flotilla/rules';
import {
  addressesFor,
  canListenOn,
  httpProxyPort,
  instancesOfPort,
  mesh,
  scopedService,
  setting,
  sidecarResource,
  sidecarScope,
  worldQuery,
  type ServiceRef,
  type View,
} from '@flotilla/pilot-world';
import { bool, duration, envoy, u32 } from '@flotilla/proto-gen/envoy';
import { member } from '@flotilla/query';
import { buildSidecarHcm } from '../filters/hcm.ts';
import { blackholeProxy, httpConnectionManager, tcpProxy } from '../filters/network.ts';
import { finish } from '../finish/finish.ts';
import { listOf, namingQuery, type Names } from '../members.ts';
import { sameResource, type XdsResource } from '../resource.ts';
import { accessLogFor } from '../telemetry/access-log.ts';
import { statsOf } from '../telemetry/stats.ts';
import { clusterName } from '../cluster-name.ts';
import { differByAddress } from '../differ-by-address.ts';
import { httpInspector, tlsInspector } from './inspectors.ts';
import { connectionBalance } from './balance.ts';
import { contribute, isEffective, type Contribution, type OutboundEntry, type OutboundHttp } from './outbound-entry.ts';
import { bytesOf, servicePortKey, tcpChains } from './tcp-chains.ts';

type IListener = envoy.config.listener.v3.IListener;
type IFilterChain = envoy.config.listener.v3.IFilterChain;
type IHttpConnectionManager = envoy.extensions.filters.network.http_connection_manager.v3.IHttpConnectionManager;
const { OUTBOUND } = envoy.config.core.v3.TrafficDirection;

const wildcard = (view: View): string => (view.attr('supportsIPv4') ? '0.0.0.0' : '::');
const loopback = (view: View): string => (view.attr('supportsIPv4') ? '127.0.0.1' : '::1');

/** Where unknown bytes go: outboundTrafficPolicy of the Sidecar, else of the mesh. */
function unknownCluster(view: View): string {
  const policy = sidecarResource(view)?.spec.outboundTrafficPolicy;
  const { mode } = policy ?? view.query(mesh, '').outboundTrafficPolicy ?? {};
  if (mode !== 'ALLOW_ANY') return 'BlackHoleCluster';
  const { host, subset, port } = policy?.egressProxy ?? {};
  return host ? clusterName('outbound', { host, subset, port: port?.number ?? 0 }) : 'PassthroughCluster';
}

/** Ports of the proxy's own listeners, which an outbound one on every address would collide with. */
const isReserved = (view: View, port: number): boolean =>
  [view.meta('ENVOY_STATUS_PORT'), view.meta('ENVOY_PROMETHEUS_PORT')].some((own) => Number(own ?? 0) === port) ||
  port === (setting(view, 'proxyListenPort') ?? 15001) ||
  port === (setting(view, 'proxyInboundListenPort') ?? 15006);

const isUnix = (bind: string): boolean => bind.startsWith('unix://');

interface Place {
  readonly bind: string;
  readonly bindToPort: boolean;
  readonly locked: boolean;
  readonly listenPort: ServicePort;
  /** Whether `bind` is the address of an endpoint. */
  readonly isEndpoint?: boolean;
}

interface Seen {
  /** Whose chains it has. */
  readonly ref: ServiceRef;
  readonly service: Service;
}

/** That a port of a service is on a listener: all that its part there is made of, but for its chains. */
interface Claim extends Omit<Contribution, 'tcpChains'> {
  readonly ref: ServiceRef;
  readonly egress: number;
  /** Whether the address is that of an endpoint. */
  readonly isEndpoint: boolean;
  /** Whether somebody has chosen the address: a Sidecar, or the endpoint whose it is. */
  readonly givenBind: boolean;
}
/** A listener's services, in the order in which they join it. */
type Claims = readonly [Claim, ...Claim[]];

function claimOf(
  view: View,
  { ref, service, servicePort, place, egress }: Seen & { egress: number; servicePort: ServicePort; place: Place },
): Claim | undefined {
  const { port } = place.listenPort;
  const everywhere = wildcard(view);
  const http = isHttp(servicePort.protocol);
  if (!canListenOn(view, place.bindToPort ? port : 0)) return undefined;
  if ((place.bind === '' ? http : place.bind === everywhere || isUnix(place.bind)) && isReserved(view, port))
    return undefined;
  const [address] = addressesFor(view, service);
  // bytes to a Service of Kubernetes without address listen at IPv4's wildcard, whatever the proxy's family
  const nowhere = service.registry === 'Kubernetes' ? '0.0.0.0' : everywhere;
  const own = place.bind !== '' ? place.bind : http || address?.includes('/') ? everywhere : (address ?? nowhere);
  return {
    ref,
    egress,
    key: { bind: own, port },
    service: { hostname: service.hostname },
    servicePort,
    wildcard: own === everywhere,
    givenBind: place.bind !== '',
    bindToPort: place.bindToPort,
    locked: place.locked,
    isEndpoint: place.isEndpoint ?? false,
  };
}

/** Headless services of bytes get a listener for each endpoint. */
function headlessBinds(view: View, service: Service, port: ServicePort): string[] | undefined {
  if (
    service.resolution !== 'Passthrough' ||
    addressesFor(view, service).length > 0 ||
    !(isTcp(port.protocol) || isUnsupported(port.protocol))
  )
    return undefined;
  const endpoints = view.query(instancesOfPort, instancesKeyOf(service, port));
  if (service.registry !== 'Kubernetes' && endpoints.length === 0 && Object.keys(service.labelSelectors).length === 0)
    return undefined;
  return [...new Set(endpoints.map(({ address }) => address))].filter((address) => /^[0-9a-fA-F.:]+$/.test(address));
}

/**
 * Whose chains a service has: chains depend on an address only if it is a range, so the first of a ServiceEntry's host
 * and its other addresses makes them for all.
 */
function createChainOwners(): (ref: ServiceRef) => ServiceRef {
  const firsts = new Map<string, ServiceRef>();
  return (ref) => {
    if (ref.key.address === '' || ref.key.address.includes('/')) return ref;
    const first = firsts.get(ref.hostname);
    if (!first) firsts.set(ref.hostname, ref);
    return first && differByAddress(first, ref) ? first : ref;
  };
}

const entryId = ({ key: { bind, port } }: Claim): string => `${bind}|${port}`;

/** Which services are on which listener, by its address and port. Chains are made by each listener, not here. */
const outboundEntries = worldQuery('outbound-entries', (view): ReadonlyMap<string, Claims> => {
  const entries = new Map<string, [Claim, ...Claim[]]>();
  const chainOwner = createChainOwners();
  const add = (claim: Claim | undefined): void => {
    if (!claim) return;
    const id = entryId(claim);
    const known = entries.get(id);
    if (!known) entries.set(id, [claim]);
    else if (isEffective(known[0].servicePort, claim.servicePort)) known.push(claim);
  };
  const capturesNothing = view.attr('interceptionMode') === 'NONE';
  view.query(sidecarScope, '').egress.forEach(({ listener, services: refs }, egress) => {
    const bindToPort = capturesNothing || listener?.captureMode === 'NONE' || isUnix(listener?.bind ?? '');
    const bind = listener?.bind || (bindToPort ? loopback(view) : '');
    const services = refs.flatMap((ref): Seen[] => {
      const service = scopedService(view, ref);
      return service ? [{ ref: chainOwner(ref), service }] : [];
    });
    if (listener?.port) {
      const listenPort: ServicePort = {
        name: listener.port.name ?? '',
        port: listener.port.number ?? 0,
        protocol: parseProtocol(listener.port.protocol ?? ''),
      };
      const place = { bind, bindToPort, locked: true, listenPort };
      for (const seen of services) add(claimOf(view, { ...seen, egress, servicePort: listenPort, place }));
      return;
    }
    for (const seen of services.filter(({ service }) => service.resolution !== 'Alias')) {
      for (const servicePort of seen.service.ports.filter(({ protocol }) => protocol !== 'UDP')) {
        const binds = bind === '' ? headlessBinds(view, seen.service, servicePort) : undefined;
        for (const address of binds ?? [bind]) {
          const isEndpoint = binds !== undefined;
          const place = { bind: address, bindToPort, locked: false, listenPort: servicePort, isEndpoint };
          add(claimOf(view, { ...seen, egress, servicePort, place }));
        }
      }
    }
  });
  return entries;
});

const routesOf = (routeConfigName: string): Pick<IHttpConnectionManager, 'rds'> => ({
  rds: {
    configSource: { ads: {}, initialFetchTimeout: duration(0), resourceApiVersion: envoy.config.core.v3.ApiVersion.V3 },
    routeConfigName,
  },
});

function httpChain(view: View, statPrefix: string, { routes, grpcWeb, inspected }: OutboundHttp): IFilterChain {
  return {
    ...(inspected
      ? { filterChainMatch: { transportProtocol: 'raw_buffer', applicationProtocols: ['http/1.1', 'h2c'] } }
      : {}),
    filters: [httpConnectionManager(buildSidecarHcm(view, 'outbound', { statPrefix, grpcWeb, ...routesOf(routes) }))],
  };
}

const nameOf = ({ bind, port }: Contribution['key']): string => `${bind}_${port}`;

function buildListener(view: View, entry: OutboundEntry): IListener {
  const name = nameOf(entry);
  const chains = [...(entry.http ? [httpChain(view, `outbound_${name}`, entry.http)] : []), ...entry.tcp];
  const catchAll = chains.find(({ filterChainMatch }) => !filterChainMatch);
  const filterChains = chains.length > 1 ? chains.filter((chain) => chain !== catchAll) : chains;
  const unknown = unknownCluster(view);
  const passthrough: IFilterChain = {
    name: 'PassthroughFilterChain',
    filterChainMatch: {},
    filters: [...statsOf(view, 'CLIENT', 'tcp'), tcpProxy(view, 'CLIENT', { statPrefix: unknown, cluster: unknown })],
  };
  const defaultFilterChain = !catchAll ? passthrough : chains.length > 1 ? catchAll : undefined;
  const inspects = entry.http?.inspected ?? false;
  const bySni = entry.tcp.some(({ filterChainMatch }) => filterChainMatch?.serverNames?.length);
  const listenerFilters = [...(inspects || bySni ? [tlsInspector] : []), ...(inspects ? [httpInspector] : [])];
  return {
    name,
    address: isUnix(entry.bind)
      ? { pipe: { path: entry.bind.slice('unix://'.length) } }
      : { socketAddress: { address: entry.bind, portValue: entry.port } },
    filterChains,
    ...(defaultFilterChain ? { defaultFilterChain } : {}),
    ...(listenerFilters.length > 0 ? { listenerFilters } : {}),
    // only for the inspection of HTTP is there something to wait for
    listenerFiltersTimeout: duration(inspects ? (setting(view, 'protocolDetectionTimeout') ?? 0) : 0),
    continueOnListenerFiltersTimeout: true,
    ...accessLogFor(view, 'CLIENT', 'listener'),
    trafficDirection: OUTBOUND,
    ...connectionBalance(view, 'OUTBOUND'),
    ...(entry.bindToPort ? {} : { bindToPort: bool(false) }),
  };
}

/** The listener at which a proxy serves as a plain HTTP proxy to the workload. */
function buildHttpProxy(view: View): IListener {
  const port = httpProxyPort(view);
  const name = `${loopback(view)}_${port}`;
  const hcm = buildSidecarHcm(view, 'outbound', {
    statPrefix: `outbound_${name}`,
    httpProtocolOptions: { allowAbsoluteUrl: bool(true) },
    ...routesOf('http_proxy'),
  });
  return {
    name,
    address: { socketAddress: { address: loopback(view), portValue: port } },
    filterChains: [{ filters: [httpConnectionManager(hcm)] }],
    listenerFiltersTimeout: duration(0),
    continueOnListenerFiltersTimeout: true,
    ...accessLogFor(view, 'CLIENT', 'listener'),
    trafficDirection: OUTBOUND,
    ...connectionBalance(view, 'OUTBOUND'),
  };
}

/**
 * The listener that iptables sends all outbound connections to; it hands them to the one of their destination, or to
 * where unknown ones go.
 */
function buildVirtualOutbound(view: View): IListener {
  const port = setting(view, 'proxyListenPort') ?? 15001;
  const unknown = unknownCluster(view);
  const tproxy = view.attr('interceptionMode') === 'TPROXY';
  return {
    name: 'virtualOutbound',
    address: { socketAddress: { address: wildcard(view), portValue: port } },
    filterChains: [
      {
        name: 'virtualOutbound-blackhole',
        filterChainMatch: { destinationPort: u32(port) },
        filters: [...statsOf(view, 'CLIENT', 'tcp'), blackholeProxy],
      },
      {
        name: 'virtualOutbound-catchall-tcp',
        filters: [
          ...statsOf(view, 'CLIENT', 'tcp'),
          tcpProxy(view, 'CLIENT', { statPrefix: unknown, cluster: unknown }),
        ],
      },
    ],
    useOriginalDst: bool(true),
    ...accessLogFor(view, 'CLIENT', 'listener'),
    ...(tproxy ? { transparent: bool(true) } : {}),
    trafficDirection: OUTBOUND,
  };
}

const finished = (view: View, message: IListener): XdsResource =>
  finish(view, { kind: 'lds', name: message.name ?? '', message });

/** A listener of services, put together. Key: of outboundEntries. */
const outboundEntry = worldQuery('outbound-entry', (view, id): OutboundEntry | undefined => {
  const claims = view.query(outboundEntries, '').get(id) ?? [];
  return claims.reduce<OutboundEntry | undefined>((entry, claim) => withClaim(view, entry, claim), undefined);
});

function withClaim(view: View, entry: OutboundEntry | undefined, claim: Claim): OutboundEntry | undefined {
  // A proxy has no listener for itself as an endpoint.
  if (claim.isEndpoint && claim.key.bind === (view.attr('ips')[0] ?? '')) return entry;
  const { ref, egress, servicePort, givenBind, wildcard: wildcardBind, key } = claim;
  let failure: { readonly error: unknown } | undefined;
  const now = contribute(entry, {
    ...claim,
    tcpChains() {
      const port = servicePortKey(servicePort);
      const made = view.attempt(
        tcpChains,
        bytesOf({ ref, port, listenPort: key.port, wildcardBind, givenBind, egress }),
      );
      if ('value' in made) return made.value;
      failure = made;
      return [];
    },
  });
  return failure ? { ...now, failure } : now;
}
/** One listener of services, encoded: what changes at another one doesn't touch it. Key: of outboundEntries. */
const serviceListener = worldQuery(
  'outbound-listener',
  (view, id): XdsResource | undefined => {
    const entry = view.query(outboundEntry, id);
    if (entry?.failure) throw entry.failure.error;
    return entry && finished(view, buildListener(view, entry));
  },
  { equals: sameResource },
);

/** Listeners that a sidecar has whatever services there are, by their names here. */
const ownListeners = { 'http-proxy': buildHttpProxy, 'virtual-outbound': buildVirtualOutbound } as const;
const ownListener = worldQuery(
  'own-outbound-listener',
  (view, name: keyof typeof ownListeners): XdsResource => finished(view, ownListeners[name](view)),
  { equals: sameResource },
);

/** The listeners that some service is on for an endpoint of its own, or all others. */
const namesOf = (view: View, ofEndpoints: boolean): Names =>
  [...view.query(outboundEntries, '')]
    .filter(([, claims]) => claims.some(({ isEndpoint }) => isEndpoint) === ofEndpoints)
    .map(([id, [{ key }]]) => member(serviceListener, id, { name: nameOf(key) }));

/** A sidecar's outbound listeners, but for those of endpoints. */
export const outboundListeners = namingQuery('outbound-listeners', (view) => {
  if (view.attr('type') !== 'sidecar') return listOf([]);
  return listOf([
    ...namesOf(view, false),
    ...(httpProxyPort(view) === 0
      ? []
      : [member(ownListener, 'http-proxy', { name: `${loopback(view)}_${httpProxyPort(view)}` })]),
    ...(view.attr('interceptionMode') === 'NONE'
      ? []
      : [member(ownListener, 'virtual-outbound', { name: 'virtualOutbound' })]),
  ]);
});

/** The listeners of endpoints: a list apart, because which of them is the proxy's own differs from proxy to proxy. */
export const endpointListeners = namingQuery('endpoint-listeners', (view) =>
  listOf(view.attr('type') === 'sidecar' ? namesOf(view, true) : []),
);
