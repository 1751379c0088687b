import { isHttp } from '@flotilla/pilot-registry';
import { setting, worldQuery, type View } from '@flotilla/pilot-world';
import { duration, encode, envoy } from '@flotilla/proto-gen/envoy';
import { buildGatewayHcm } from '../filters/hcm.ts';
import { httpConnectionManager, istioAuthn } from '../filters/network.ts';
import { connectionBalance } from '../listeners/balance.ts';
import { tlsInspector } from '../listeners/inspectors.ts';
import { isolated, sameResources, xdsResource, type XdsResource } from '../resource.ts';
import { accessLogFor } from '../telemetry/access-log.ts';
import { buildGatewayTls } from '../tls/gateway.ts';
import { hostsOf, mergedGateway, routeNameOf, type GatewayPort, type GatewayServer } from './merge.ts';
import { gatewayTcpChains } from './tcp.ts';

type IFilterChain = envoy.config.listener.v3.IFilterChain;
const { OUTBOUND } = envoy.config.core.v3.TrafficDirection;

function httpFilters(view: View, statPrefix: string, routeConfigName: string): envoy.config.listener.v3.IFilter[] {
  const configSource = { ads: {}, initialFetchTimeout: duration(0), resourceApiVersion: envoy.config.core.v3.ApiVersion.V3 };
  return [
    ...(view.attr('istioExtensions') ? [istioAuthn] : []),
    httpConnectionManager(buildGatewayHcm(view, { statPrefix, rds: { configSource, routeConfigName } })),
  ];
}

/** A chain of a TLS server: told from the port's others by the name that the client asks for. */
function tlsChain(view: View, of: GatewayServer, at: { port: number; statPrefix: string }): IFilterChain | undefined {
  const name = routeNameOf(of, at.port);
  if (name === undefined || !of.server.tls) return undefined;
  const serverNames = hostsOf(of.server);
  return {
    ...(serverNames.includes('*') ? {} : { filterChainMatch: { serverNames } }),
    filters: httpFilters(view, at.statPrefix, name),
    transportSocket: buildGatewayTls(of.server.tls, { alpn: ['h2', 'http/1.1'], mesh: setting(view, 'tlsDefaults') }),
  };
}

function buildListener(view: View, { port, bind, servers }: GatewayPort): envoy.config.listener.v3.IListener | undefined {
  const address = bind || (view.attr('supportsIPv4') ? '0.0.0.0' : '::');
  const name = `${address}_${port}`;
  const statPrefix = `outbound_${name}`;
  const [first] = servers;
  const plain = first && isHttp(first.protocol) ? routeNameOf(first, port) : undefined;
  const filterChains: IFilterChain[] = plain !== undefined
    ? [{ filters: httpFilters(view, statPrefix, plain) }]
    : servers.flatMap((of) => (routeNameOf(of, port) === undefined ? gatewayTcpChains(view, of) : tlsChain(view, of, { port, statPrefix }) ?? []));
  if (filterChains.length === 0) return undefined;
  return {
    name,
    address: { socketAddress: { address, portValue: port } },
    filterChains,
    ...(servers.some(({ server }) => server.tls && !server.tls.httpsRedirect) ? { listenerFilters: [tlsInspector] } : {}),
    continueOnListenerFiltersTimeout: true,
    ...accessLogFor(view, 'CLIENT', 'listener'),
    trafficDirection: OUTBOUND,
    ...connectionBalance(view, 'OUTBOUND'),
  };
}

/** A gateway's listeners: one for each port that its Gateways name. */
export const gatewayListeners = worldQuery('gateway-listeners', (view): readonly XdsResource[] => {
  if (view.attr('type') !== 'router') return [];
  return view.query(mergedGateway, '').ports.flatMap((port) => isolated(`port ${port.port}`, () => {
    const listener = buildListener(view, port);
    return listener ? [xdsResource(listener.name ?? '', encode(envoy.config.listener.v3.Listener, listener))] : [];
  }));
}, { equals: sameResources });
