import { groupBy } from '@flotilla/std';
import { canListenOn, proxyConfig, worldQuery, type View } from '@flotilla/pilot-world';
import { duration, envoy } from '@flotilla/proto-gen/envoy';
import { member } from '@flotilla/query';
import { buildGatewayHcm } from '../filters/hcm.ts';
import { httpConnectionManager, istioAuthn } from '../filters/network.ts';
import { finish } from '../finish/finish.ts';
import { wildcard } from '../listeners/addresses.ts';
import { connectionBalance } from '../listeners/balance.ts';
import { proxyProtocol, tlsInspector } from '../listeners/inspectors.ts';
import { listOf, namingQuery } from '../members.ts';
import { sameResource, type XdsResource } from '../resource.ts';
import { accessLogFor } from '../telemetry/access-log.ts';
import { gatewayTls } from '../tls/gateway.ts';
import { isHttp } from '@flotilla/rules';
import { bySni, withoutRepeated, type GatewayChain } from './chain.ts';
import { hostsOf } from './hosts.ts';
import { endsHttps, type GatewayPort, type GatewayServer, type SeenHosts } from './merge-servers.ts';
import { mergedGateway } from './merge.ts';
import { gatewayTcpChains } from './tcp.ts';

const { OUTBOUND } = envoy.config.core.v3.TrafficDirection;

interface HttpOf {
  readonly statPrefix: string;
  readonly routeName: string;
  readonly grpcWeb: boolean;
}

/** HTTP by a route configuration; without one everything is answered with 404. */
function httpFilters(view: View, { statPrefix, routeName, grpcWeb }: HttpOf): envoy.config.listener.v3.IFilter[] {
  const configSource = {
    ads: {},
    initialFetchTimeout: duration(0),
    resourceApiVersion: envoy.config.core.v3.ApiVersion.V3,
  };
  const routes = routeName === '' ? { routeConfig: {} } : { rds: { configSource, routeConfigName: routeName } };
  return [...istioAuthn(view), httpConnectionManager(buildGatewayHcm(view, { statPrefix, grpcWeb, ...routes }))];
}

/** A chain of an HTTPS server: distinguished from the port's others by the name that the client requests. */
const httpsChain = (view: View, { server, routeName }: GatewayServer, statPrefix: string): GatewayChain =>
  bySni(hostsOf(server), {
    filters: httpFilters(view, { statPrefix: server.name || statPrefix, routeName, grpcWeb: false }),
    transportSocket: gatewayTls(view, server.tls ?? {}, ['h2', 'http/1.1']),
  });

function chainsOf(
  view: View,
  { protocol, routeName, servers }: GatewayPort,
  at: { statPrefix: string; seen: SeenHosts },
): GatewayChain[] {
  const { statPrefix, seen } = at;
  if (isHttp(protocol))
    return [
      {
        chain: { filters: httpFilters(view, { statPrefix, routeName, grpcWeb: protocol === 'GRPC-Web' }) },
        inspected: false,
      },
    ];
  return servers.flatMap((of) =>
    endsHttps(of) ? [httpsChain(view, of, statPrefix)] : gatewayTcpChains(view, of, seen),
  );
}

interface Place {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly chains: readonly GatewayChain[];
}

function buildListener(view: View, { name, address, port, chains }: Place): envoy.config.listener.v3.IListener {
  // The header of the PROXY protocol comes before anything that is inspected.
  const listenerFilters = [
    ...(view.query(proxyConfig, '').gatewayTopology?.proxyProtocol ? [proxyProtocol] : []),
    ...(chains.some(({ inspected }) => inspected) ? [tlsInspector] : []),
  ];
  return {
    name,
    // Istio's BuildAddress takes a server without port number for a Unix socket.
    address: port === 0 ? { pipe: { path: address } } : { socketAddress: { address, portValue: port } },
    filterChains: chains.map(({ chain }) => chain),
    ...(listenerFilters.length > 0 ? { listenerFilters } : {}),
    continueOnListenerFiltersTimeout: true,
    ...accessLogFor(view, 'CLIENT', 'listener'),
    trafficDirection: OUTBOUND,
    ...connectionBalance(view, 'OUTBOUND'),
  };
}

/** Ports that a gateway listens on, by the names of their listeners: all of one address and number share one. */
const listenerPorts = worldQuery('gateway-listener-ports', (view): ReadonlyMap<string, readonly GatewayPort[]> => {
  const ports = view.query(mergedGateway, '').ports.filter(({ port }) => canListenOn(view, port));
  return groupBy(ports, ({ bind, port }) => `${bind || wildcard(view)}_${port}`);
});

/** One listener; undefined where nothing leads anywhere. Key: its name. */
const gatewayListener = worldQuery(
  'gateway-listener',
  (view, name): XdsResource | undefined => {
    const ports = view.query(listenerPorts, '').get(name);
    const [first] = ports ?? [];
    if (!ports || !first) return undefined;
    const seen: SeenHosts = new Map();
    const all = ports.flatMap((port) => chainsOf(view, port, { statPrefix: `outbound_${name}`, seen }));
    const chains = view.attr('istioExtensions') ? all : withoutRepeated(all);
    if (chains.length === 0) return undefined;
    const message = buildListener(view, { name, address: first.bind || wildcard(view), port: first.port, chains });
    return finish(view, { kind: 'lds', name, message });
  },
  { equals: sameResource },
);

/**
 * A gateway's listeners: one for each address and port that its Gateways name, but where it may not listen, or where
 * nothing leads anywhere (Istio's buildGatewayListeners).
 */
export const gatewayListeners = namingQuery('gateway-listeners', (view) => {
  if (view.attr('type') !== 'router') return listOf([]);
  return listOf([...view.query(listenerPorts, '').keys()].map((name) => member(gatewayListener, name, { name })));
});
