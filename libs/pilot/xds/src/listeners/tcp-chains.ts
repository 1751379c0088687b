import type { ObjectKey } from '@flotilla/model';
import { type ServicePort } from '@flotilla/pilot-registry';
import { scopedService, sidecarScope, virtualServiceHeader, worldQuery, type ServiceRef } from '@flotilla/pilot-world';
import type { envoy } from '@flotilla/proto-gen/envoy';
import { defineKey, type KeyOf } from '@flotilla/query';
import { hostMatches, isWildcard } from '@flotilla/rules';
import { buildTcpChains } from './outbound-tcp.ts';

type IFilterChain = envoy.config.listener.v3.IFilterChain;

/** Where among a Sidecar's egress listeners something belongs; 0 without a Sidecar. */
type EgressPlace = number;
interface ByHost {
  readonly keys: readonly ObjectKey[];
  readonly exact: ReadonlyMap<string, readonly number[]>;
  readonly wildcards: readonly { readonly host: string; readonly at: number }[];
}

/**
 * An egress listener's VirtualServices by the hosts they name, so that each service finds its own at once. Key:
 * EgressPlace.
 */
const byHost = worldQuery('virtual-services-by-host', (view, place: EgressPlace): ByHost => {
  const keys = view.query(sidecarScope, '').egress[place]?.virtualServices ?? [];
  const exact = new Map<string, number[]>();
  const wildcards: { host: string; at: number }[] = [];
  keys.forEach((key, at) => {
    for (const host of view.query(virtualServiceHeader, key)?.hosts ?? []) {
      if (isWildcard(host)) wildcards.push({ host, at });
      else exact.set(host, [...(exact.get(host) ?? []), at]);
    }
  });
  return { keys, exact, wildcards };
});

const hostOfEgress = defineKey<{ readonly hostname: string; readonly egress: EgressPlace }>()('hostname', 'egress');
type HostOfEgress = KeyOf<typeof hostOfEgress>;
/** Keys of the VirtualServices that name a service's host, in the order in which they apply. */
const virtualServicesOfService = worldQuery(
  'virtual-services-of-service',
  (view, { hostname, egress }: HostOfEgress): readonly ObjectKey[] => {
    const { keys, exact, wildcards } = view.query(byHost, egress);
    const named = isWildcard(hostname)
      ? [...exact].flatMap(([host, at]) => (hostMatches(host, hostname) ? at : []))
      : (exact.get(hostname) ?? []);
    const places = new Set([...named, ...wildcards.flatMap(({ host, at }) => (hostMatches(host, hostname) ? at : []))]);
    return [...places].sort((a, b) => a - b).flatMap((at) => keys[at] ?? []);
  },
);

export const servicePortKey = defineKey<ServicePort>()('port', 'name', 'protocol');
interface BytesFields {
  readonly ref: ServiceRef;
  readonly port: KeyOf<typeof servicePortKey>;
  readonly listenPort: number;
  readonly wildcardBind: boolean;
  readonly givenBind: boolean;
  readonly egress: EgressPlace;
}
/** A port of a service whose bytes a listener carries. */
export const bytesOf = defineKey<BytesFields>()('ref', 'port', 'listenPort', 'wildcardBind', 'givenBind', 'egress');

/** The chains of a service's bytes: other services, and VirtualServices of other hosts, don't touch them. */
export const tcpChains = worldQuery(
  'outbound-tcp-chains',
  (view, bytes: KeyOf<typeof bytesOf>): readonly IFilterChain[] => {
    const { ref, port, listenPort, wildcardBind, givenBind, egress } = bytes;
    const service = scopedService(view, ref);
    if (!service) return [];
    return buildTcpChains(view, {
      service,
      port,
      listenPort,
      wildcardBind,
      givenBind,
      virtualServices: view.query(virtualServicesOfService, hostOfEgress({ hostname: service.hostname, egress })),
    });
  },
);
