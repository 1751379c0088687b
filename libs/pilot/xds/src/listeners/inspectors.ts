import { envoy } from '@flotilla/proto-gen/envoy';
import { typedConfig } from '../finish/typed-config.ts';

type IListenerFilter = envoy.config.listener.v3.IListenerFilter;
type IPredicate = envoy.config.listener.v3.IListenerFilterChainMatchPredicate;
const filters = envoy.extensions.filters.listener;

export const originalDst: IListenerFilter = {
  name: 'envoy.filters.listener.original_dst',
  typedConfig: typedConfig(filters.original_dst.v3.OriginalDst, {}),
};
/** TPROXY: keep the client's address; the mark keeps the sidecar's own connections out of iptables. */
export const originalSrc: IListenerFilter = {
  name: 'envoy.filters.listener.original_src',
  typedConfig: typedConfig(filters.original_src.v3.OriginalSrc, { mark: 1337 }),
};
export const tlsInspector: IListenerFilter = {
  name: 'envoy.filters.listener.tls_inspector',
  typedConfig: typedConfig(filters.tls_inspector.v3.TlsInspector, {}),
};
/** A load balancer in front puts the client's address before the stream. */
export const proxyProtocol: IListenerFilter = {
  name: 'envoy.filters.listener.proxy_protocol',
  typedConfig: typedConfig(filters.proxy_protocol.v3.ProxyProtocol, {}),
};
export const httpInspector: IListenerFilter = {
  name: 'envoy.filters.listener.http_inspector',
  typedConfig: typedConfig(filters.http_inspector.v3.HttpInspector, {}),
};

const plainHttp = new Set(['http/1.1', 'h2c']);

function ports(numbers: readonly number[]): IPredicate {
  const rules = numbers.map((start): IPredicate => ({ destinationPortRange: { start, end: start + 1 } }));
  return rules.length === 1 ? (rules[0] as IPredicate) : { orMatch: { rules } };
}

/**
 * Inspectors where some chain of the port needs them, and nowhere else: they wait for the client's first bytes (Istio's
 * populateListenerFilters).
 */
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
  const needing = (kind: 'tls' | 'http', needed: boolean): number[] =>
    [...needs]
      .filter(([, need]) => need[kind] === needed)
      .map(([port]) => port)
      .sort((a, b) => a - b);
  const except = (filter: IListenerFilter, exceptions: readonly number[]): IListenerFilter =>
    exceptions.length > 0 ? { ...filter, filterDisabled: ports(exceptions) } : filter;
  const [tls, http] = [needing('tls', true), needing('http', true)];
  // Port 0 is for all that have no chain of their own. Istio opts TLS inspection in or out by what holds there;
  // HTTP inspection it only opts out, port 0 too.
  const tlsFilter = needs.get(0)?.tls
    ? except(tlsInspector, needing('tls', false))
    : { ...tlsInspector, filterDisabled: { notMatch: ports(tls) } };
  return [
    ...(tls.length > 0 ? [tlsFilter] : []),
    ...(http.length > 0 ? [except(httpInspector, needing('http', false))] : []),
  ];
}
