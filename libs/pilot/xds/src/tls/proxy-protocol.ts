import type { TrafficPolicy } from '@flotilla/model';
import { envoy } from '@flotilla/proto-gen/envoy';
import { typedConfig } from '../finish/typed-config.ts';

type ITransportSocket = envoy.config.core.v3.ITransportSocket;
const { V1, V2 } = envoy.config.core.v3.ProxyProtocolConfig.Version;

/** A socket that first sends the server the client's address (Istio's applyUpstreamProxyProtocol). */
export const proxyProtocolSocket = (
  { version }: NonNullable<TrafficPolicy['proxyProtocol']>,
  transportSocket: ITransportSocket,
): ITransportSocket => ({
  name: 'envoy.transport_sockets.upstream_proxy_protocol',
  typedConfig: typedConfig(envoy.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport, {
    config: { version: version === 'V2' ? V2 : V1 },
    transportSocket,
  }),
});
