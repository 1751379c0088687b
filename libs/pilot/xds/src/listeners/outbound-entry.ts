import type { Service, ServicePort } from '@flotilla/pilot-registry';
import type { envoy } from '@flotilla/proto-gen/envoy';
import { listenerProtocol } from './chain-match.ts';

type IFilterChain = envoy.config.listener.v3.IFilterChain;

/** One listener while services are gathered on it. */
export interface OutboundEntry {
  readonly bind: string;
  readonly port: number;
  readonly bindToPort: boolean;
  /** Name of the route configuration, when it takes HTTP. */
  routes?: string;
  /** By the first service that brought HTTP. */
  grpcWeb?: boolean;
  /** Chains of plain bytes; one without match takes all the rest. */
  readonly tcp: IFilterChain[];
  /** Made by a Sidecar for this port: services of other listeners don't join. */
  readonly locked: boolean;
}

/** What a service brings to a listener. */
export interface Contribution {
  readonly key: { readonly bind: string; readonly port: number };
  readonly service: Service;
  readonly servicePort: ServicePort;
  readonly wildcard: boolean;
  readonly bindToPort: boolean;
  readonly locked: boolean;
  /** Built only when they are used. */
  tcpChains(): IFilterChain[];
}

const hasCatchAll = (chains: readonly IFilterChain[]): boolean => chains.some(({ filterChainMatch }) => !filterChainMatch);

/**
 * Adds a service to the listener of its address and port. HTTP and bytes can share one: HTTP is told by inspection. Chains that would match the same
 * connections as an earlier service's are dropped: the oldest service keeps them (Istio's outbound listener conflicts).
 */
export function contribute(entries: Map<string, OutboundEntry>, of: Contribution): void {
  const id = `${of.key.bind}|${of.key.port}`;
  const known = entries.get(id);
  if (known && known.locked !== of.locked) return;
  const protocol = listenerProtocol(of.servicePort.protocol);
  const entry: OutboundEntry = known ?? { ...of.key, bindToPort: of.bindToPort, tcp: [], locked: of.locked };
  const wasHttp = entry.routes !== undefined;
  if (protocol !== 'tcp') entry.routes ??= of.wildcard ? String(of.key.port) : protocol === 'auto' ? `${of.service.hostname}:${of.key.port}` : String(of.key.port);
  if (protocol !== 'tcp') entry.grpcWeb ??= of.servicePort.protocol === 'GRPC-Web';
  // Undeclared bytes beside HTTP on a wildcard address pass through: whose they are can't be told.
  if (protocol === 'tcp' || (protocol === 'auto' && !(wasHttp && of.wildcard))) {
    const taken = new Set(entry.tcp.map(({ filterChainMatch }) => JSON.stringify(filterChainMatch ?? null)));
    entry.tcp.push(...of.tcpChains().filter(({ filterChainMatch }) => !taken.has(JSON.stringify(filterChainMatch ?? null))
      && !(filterChainMatch === undefined && hasCatchAll(entry.tcp))));
  }
  entries.set(id, entry);
}
