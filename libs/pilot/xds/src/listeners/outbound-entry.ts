import type { Service, ServicePort } from '@flotilla/pilot-registry';
import { isHttp, isTcp, isUnsupported, type Protocol } from '@flotilla/rules';
import type { envoy } from '@flotilla/proto-gen/envoy';
import { listenerProtocol } from './chain-match.ts';

type IFilterChain = envoy.config.listener.v3.IFilterChain;

/**
 * How a listener's HTTP is distinguished from other bytes: by inspection, or not at all where it takes nothing else.
 */
export interface OutboundHttp {
  readonly routes: string;
  readonly grpcWeb: boolean;
  readonly inspected: boolean;
}

/** One listener while services are gathered on it. */
export interface OutboundEntry {
  readonly bind: string;
  readonly port: number;
  readonly bindToPort: boolean;
  /** Made by a Sidecar for this port: services of other listeners don't join. */
  readonly locked: boolean;
  /** Of the first service; `Unsupported` once HTTP and bytes are mixed. */
  readonly protocol: Protocol;
  readonly http?: OutboundHttp;
  /** Chains of plain bytes; one without match takes all the rest. */
  readonly tcp: readonly IFilterChain[];
  /** Why chains of some service could not be made: then neither can the listener. */
  readonly failure?: { readonly error: unknown };
}

/** What a service brings to a listener. */
export interface Contribution {
  readonly key: { readonly bind: string; readonly port: number };
  readonly service: Pick<Service, 'hostname'>;
  readonly servicePort: ServicePort;
  readonly wildcard: boolean;
  readonly bindToPort: boolean;
  readonly locked: boolean;
  /** Built only when they are used. */
  tcpChains(): readonly IFilterChain[];
}

/** Servers that speak first don't share a port with others: inspection would wait for their clients. */
const speaksFirst = (protocol: Protocol): boolean => protocol === 'Mongo' || protocol === 'MySQL';

function startEntry(contribution: Contribution): OutboundEntry {
  const {
    key,
    service,
    servicePort: { protocol },
    wildcard,
    bindToPort,
    locked,
  } = contribution;
  const kind = listenerProtocol(protocol);
  const base = { ...key, bindToPort, locked, protocol, tcp: kind === 'http' ? [] : contribution.tcpChains() };
  if (kind === 'tcp') return base;
  const routes =
    key.port === 0 ? key.bind : kind === 'auto' && !wildcard ? `${service.hostname}:${key.port}` : String(key.port);
  // On a wildcard address other bytes may come too, which pass through; what a Sidecar calls an HTTP proxy takes
  // nothing else.
  const inspected = kind === 'auto' || (wildcard && protocol !== 'HTTP_PROXY');
  return {
    ...base,
    protocol: inspected ? 'Unsupported' : protocol,
    http: { routes, inspected, grpcWeb: protocol === 'GRPC-Web' },
  };
}

const matchOf = ({ filterChainMatch }: IFilterChain): string => JSON.stringify(filterChainMatch ?? null);

/** Chains that would match the same connections as an earlier service's are dropped: the oldest service keeps them. */
function addChains(known: readonly IFilterChain[], more: readonly IFilterChain[]): IFilterChain[] {
  const taken = new Set(known.map(matchOf));
  return [...known, ...more.filter((chain) => !taken.has(matchOf(chain)) && taken.add(matchOf(chain)))];
}

const takesAll = ({ filterChainMatch }: IFilterChain): boolean => !filterChainMatch;

/**
 * Two services on one listener (Istio's outbound listener conflicts). On every address HTTP is inspected, so bytes can
 * share it; on one of its own HTTP takes all, as bytes without match do, and who comes first keeps it. An HTTP proxy
 * takes the place of what was there.
 */
function mergeEntry(known: OutboundEntry, contribution: Contribution): OutboundEntry {
  const { protocol } = contribution.servicePort;
  if (known.locked !== contribution.locked) return known;
  if (protocol === 'HTTP_PROXY') return startEntry(contribution);
  if ((speaksFirst(protocol) || speaksFirst(known.protocol)) && protocol !== known.protocol) return known;
  if (isHttp(protocol)) {
    if (!isTcp(known.protocol)) return known;
    const { http } = startEntry(contribution);
    const fits = http && (http.inspected || !known.tcp.some(takesAll));
    return { ...known, protocol: 'Unsupported', ...(fits ? { http } : {}) };
  }
  if (isTcp(protocol)) {
    const ownChains = contribution.tcpChains();
    const tcp = addChains(
      known.tcp,
      known.http && !known.http.inspected ? ownChains.filter((chain) => !takesAll(chain)) : ownChains,
    );
    return { ...known, tcp, ...(isHttp(known.protocol) ? { protocol: 'Unsupported' as const } : {}) };
  }
  if (!isUnsupported(protocol) || isUnsupported(known.protocol)) return known;
  const fresh = startEntry(contribution);
  return isHttp(known.protocol)
    ? fresh
    : {
        ...known,
        protocol: 'Unsupported',
        tcp: addChains(known.tcp, fresh.tcp),
        ...(fresh.http ? { http: fresh.http } : {}),
      };
}

/** Whether a service changes a listener that begins with another one: HTTP does not change it where HTTP was first. */
export const isEffective = (first: Contribution['servicePort'], { protocol }: Contribution['servicePort']): boolean =>
  !isHttp(first.protocol) || !isHttp(protocol) || protocol === 'HTTP_PROXY';

/** A listener with one more service on it, which is the first one where there is no listener yet. */
export const contribute = (known: OutboundEntry | undefined, more: Contribution): OutboundEntry =>
  known ? mergeEntry(known, more) : startEntry(more);
