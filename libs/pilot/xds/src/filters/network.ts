import { idleTimeout, type View } from '@flotilla/pilot-world';
import { duration, envoy } from '@flotilla/proto-gen/envoy';
import { metadataExchange } from '../clusters/build.ts';
import { typedConfig } from '../finish/typed-config.ts';
import { accessLogFor } from '../telemetry/access-log.ts';
import type { Side } from '../telemetry/telemetry.ts';
import { typedStruct } from './http.ts';
import { hasPeerFilter } from './peer-filter.ts';

type IFilter = envoy.config.listener.v3.IFilter;
type ITcpProxy = envoy.extensions.filters.network.tcp_proxy.v3.ITcpProxy;

const authn: IFilter = { name: 'istio_authn', typedConfig: typedStruct('io.istio.network.authn.Config') };
/** Tells later filters who the peer of a connection is. */
export const istioAuthn = (view: View): IFilter[] => (hasPeerFilter(view) ? [authn] : []);
export const istioMetadataExchange = metadataExchange as () => IFilter;

/** Bytes that go nowhere: nothing is logged or counted of them. */
export const blackholeProxy: IFilter = {
  name: 'envoy.filters.network.tcp_proxy',
  typedConfig: typedConfig(envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy, {
    statPrefix: 'BlackHoleCluster',
    cluster: 'BlackHoleCluster',
  }),
};

export function tcpProxy(view: View, side: Side, config: ITcpProxy): IFilter {
  const idle = idleTimeout(view);
  const common = { ...accessLogFor(view, side, 'tcp'), ...(idle === undefined ? {} : { idleTimeout: duration(idle) }) };
  return {
    name: 'envoy.filters.network.tcp_proxy',
    typedConfig: typedConfig(envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy, { ...common, ...config }),
  };
}

/** Tells Mongo's queries apart, for metrics. */
export const mongoProxy = (statPrefix: string): IFilter => ({
  name: 'envoy.filters.network.mongo_proxy',
  typedConfig: typedConfig(envoy.extensions.filters.network.mongo_proxy.v3.MongoProxy, { statPrefix }),
});

export const httpConnectionManager = (
  config: envoy.extensions.filters.network.http_connection_manager.v3.IHttpConnectionManager,
): IFilter => ({
  name: 'envoy.filters.network.http_connection_manager',
  typedConfig: typedConfig(envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager, config),
});
