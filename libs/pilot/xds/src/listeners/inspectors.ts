import { any, envoy } from '@flotilla/proto-gen/envoy';

type IListenerFilter = envoy.config.listener.v3.IListenerFilter;
type IPredicate = envoy.config.listener.v3.IListenerFilterChainMatchPredicate;
const filters = envoy.extensions.filters.listener;

export const originalDst: IListenerFilter = { name: 'envoy.filters.listener.original_dst', typedConfig: any(filters.original_dst.v3.OriginalDst, {}) };
/** TPROXY: keep the client's address; the mark keeps the sidecar's own connections out of iptables. */
export const originalSrc: IListenerFilter = { name: 'envoy.filters.listener.original_src', typedConfig: any(filters.original_src.v3.OriginalSrc, { mark: 1337 }) };
export const tlsInspector: IListenerFilter = { name: 'envoy.filters.listener.tls_inspector', typedConfig: any(filters.tls_inspector.v3.TlsInspector, {}) };
export const httpInspector: IListenerFilter = { name: 'envoy.filters.listener.http_inspector', typedConfig: any(filters.http_inspector.v3.HttpInspector, {}) };

const plainHttp = new Set(['http/1.1', 'h2c']);

function ports(numbers: readonly number[]): IPredicate {
  const rules = numbers.map((start): IPredicate => ({ destinationPortRange: { start, end: start + 1 } }));
  return rules.length === 1 ? (rules[0] as IPredicate) : { orMatch: { rules } };
}

/** Inspectors where some chain of the port needs them, and nowhere else: they wait for the client's first bytes (Istio's populateListenerFilters). */
export function buildInspectors(chains: readonly envoy.config.listener.v3.IFilterChain[]): IListenerFilter[] {
  const needs = new Map<number, { tls: boolean; http: boolean }>();
  for (const { filterChainMatch: match } of chains) {
    const port = Number(match?.destinationPort?.value ?? 0);
    const known = needs.get(port) ?? { tls: false, http: false };
    needs.set(port, {
      tls: known.tls || match?.transportProtocol === 'tls',
      http: known.http || (match?.applicationProtocols ?? []).some((protocol) => plainHttp.has(protocol)),
    });
  }
  const inspector = (filter: IListenerFilter, kind: 'tls' | 'http'): IListenerFilter[] => {
    if (![...needs.values()].some((need) => need[kind])) return [];
    // Port 0 stands for all that have no chain of their own.
    const onElsewhere = needs.get(0)?.[kind] ?? false;
    const exceptions = [...needs].filter(([port, need]) => port !== 0 && need[kind] !== onElsewhere).map(([port]) => port).sort((a, b) => a - b);
    if (exceptions.length === 0) return [onElsewhere ? filter : { ...filter, filterDisabled: { anyMatch: true } }];
    return [{ ...filter, filterDisabled: onElsewhere ? ports(exceptions) : { notMatch: ports(exceptions) } }];
  };
  return [...inspector(tlsInspector, 'tls'), ...inspector(httpInspector, 'http')];
}
