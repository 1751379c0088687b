import { isAtLeast, type View } from '@flotilla/pilot-world';
import { envoy } from '@flotilla/proto-gen/envoy';
import { typedConfig } from '../finish/typed-config.ts';
import { typedStruct } from './http.ts';

type IHttpFilter = envoy.extensions.filters.network.http_connection_manager.v3.IHttpFilter;
const name = 'istio.metadata_exchange';

const discovery = [{ istio_headers: {} }, { workload_discovery: {} }];
const propagation = [{ istio_headers: {} }];
const peerMetadata = (value: Readonly<Record<string, unknown>>): IHttpFilter => ({
  name,
  typedConfig: typedStruct('io.istio.http.peer_metadata.Config', value),
});
const filters = {
  inbound: peerMetadata({ downstream_discovery: discovery, downstream_propagation: propagation }),
  outbound: peerMetadata({ upstream_discovery: discovery, upstream_propagation: propagation }),
} as const;

/** What Istio's Envoys before 1.19 have in its place: one filter for both directions, made as if it were Wasm. */
const older: IHttpFilter = {
  name,
  typedConfig: typedConfig(envoy.extensions.filters.http.wasm.v3.Wasm, {
    config: {
      vmConfig: {
        runtime: 'envoy.wasm.runtime.null',
        code: { local: { inlineString: 'envoy.wasm.metadata_exchange' } },
      },
      configuration: typedConfig(envoy.tcp.metadataexchange.config.MetadataExchange, {}),
    },
  }),
};

/**
 * Tells the peer's workload, by headers or by its address, for metrics and logs; none for a stock Envoy, which hasn't
 * got it.
 */
export const istioPeerMetadata = (view: View, direction: 'inbound' | 'outbound'): IHttpFilter[] =>
  view.attr('istioExtensions') ? [isAtLeast(view, 1, 19) ? filters[direction] : older] : [];
