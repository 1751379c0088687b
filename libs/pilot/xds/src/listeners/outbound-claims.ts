import { instancesKeyOf, type Service, type ServicePort } from '@flotilla/pilot-registry';
import { isHttp, isTcp, isUnsupported, parseProtocol } from '@flotilla/rules';
import {
  addressesFor,
  canListenOn,
  instancesOfPort,
  scopedService,
  setting,
  sidecarScope,
  worldQuery,
  type ServiceRef,
  type View,
} from '@flotilla/pilot-world';
import { differByAddress } from '../differ-by-address.ts';
import { isUnix, loopback, wildcard } from './addresses.ts';
import { isEffective, type Contribution } from './outbound-entry.ts';

/** Ports of the proxy's own listeners, which an outbound one on every address would collide with. */
const isReserved = (view: View, port: number): boolean =>
  [view.meta('ENVOY_STATUS_PORT'), view.meta('ENVOY_PROMETHEUS_PORT')].some((own) => Number(own ?? 0) === port) ||
  port === (setting(view, 'proxyListenPort') ?? 15001) ||
  port === (setting(view, 'proxyInboundListenPort') ?? 15006);

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

/** That a port of a service is on a listener: everything that its part there is made of, but for its chains. */
export interface Claim extends Omit<Contribution, 'tcpChains'> {
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
export const outboundEntries = worldQuery('outbound-entries', (view): ReadonlyMap<string, Claims> => {
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
