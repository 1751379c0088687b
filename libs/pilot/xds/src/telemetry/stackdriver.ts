import { compareText, ownMember } from '@flotilla/std';
import { envoy, google } from '@flotilla/proto-gen/envoy';
import { typedConfig } from '../finish/typed-config.ts';
import type { MetricOverride } from './metrics.ts';
import type { Side } from './telemetry.ts';

type IFilter = envoy.config.listener.v3.IFilter &
  envoy.extensions.filters.network.http_connection_manager.v3.IHttpFilter;

/** Google Cloud's names of Telemetry's metrics, after `client/` or `server/`; those without aren't sent there. */
const names: Readonly<Record<string, string>> = {
  REQUEST_COUNT: 'request_count',
  REQUEST_DURATION: 'response_latencies',
  REQUEST_SIZE: 'request_bytes',
  RESPONSE_SIZE: 'response_bytes',
  TCP_OPENED_CONNECTIONS: 'connection_open_count',
  TCP_CLOSED_CONNECTIONS: 'connection_close_count',
  TCP_SENT_BYTES: 'sent_bytes_count',
  TCP_RECEIVED_BYTES: 'received_bytes_count',
  GRPC_REQUEST_MESSAGES: '',
  GRPC_RESPONSE_MESSAGES: '',
};

export interface StackdriverOf {
  readonly side: Side;
  readonly carries: 'http' | 'tcp';
  readonly noHostFallback: boolean;
  readonly overrides: ReadonlyMap<string, MetricOverride>;
  /** Which accesses are logged, as an expression; empty for those of the default, undefined when none are. */
  readonly logs: string | undefined;
}

function overridesOf({ side, overrides }: StackdriverOf): Readonly<Record<string, unknown>> {
  const direction = side === 'SERVER' ? 'server' : 'client';
  const entries = [...overrides].flatMap(([name, { drop, tags }]): [string, unknown][] => {
    const known = ownMember(names, name);
    if (known === '') return [];
    // a tag can be set there, not removed
    const set = [...tags].filter(([, value]) => value !== undefined).sort(([a], [b]) => compareText(a, b));
    return [
      [
        known === undefined ? name : `${direction}/${known}`,
        { ...(drop ? { drop } : {}), ...(set.length > 0 ? { tag_overrides: Object.fromEntries(set) } : {}) },
      ],
    ];
  });
  return entries.length > 0
    ? { metrics_overrides: Object.fromEntries(entries.sort(([a], [b]) => compareText(a, b))) }
    : {};
}

/**
 * The configuration as the filter reads it: JSON, in the order of its message's fields. Servers log all accesses by
 * default, clients those that failed.
 */
function configOf(of: StackdriverOf): string {
  const logs =
    of.logs === undefined
      ? {}
      : of.logs === ''
        ? { access_logging: of.side === 'SERVER' ? 'FULL' : 'ERRORS_ONLY' }
        : { access_logging_filter_expression: of.logs };
  return JSON.stringify({
    ...(of.logs === undefined ? { disable_server_access_logging: true } : {}),
    ...(of.noHostFallback ? { disable_host_header_fallback: true } : {}),
    ...logs,
    metric_expiry_duration: '3600s',
    ...overridesOf(of),
  });
}

/**
 * Metrics and access logs for Google Cloud, in one filter that Istio's Envoy has as if it were Wasm (Istio's
 * generateSDConfig).
 */
export function stackdriverFilter(of: StackdriverOf): IFilter {
  const id = `stackdriver_${of.side === 'SERVER' ? 'inbound' : 'outbound'}`;
  const config = {
    rootId: id,
    vmConfig: {
      vmId: id,
      runtime: 'envoy.wasm.runtime.null',
      code: { local: { inlineString: 'envoy.wasm.null.stackdriver' } },
    },
    configuration: typedConfig(google.protobuf.StringValue, { value: configOf(of) }),
  };
  const { http, network } = envoy.extensions.filters;
  return {
    name: 'istio.stackdriver',
    typedConfig:
      of.carries === 'http'
        ? typedConfig(http.wasm.v3.Wasm, { config })
        : typedConfig(network.wasm.v3.Wasm, { config }),
  };
}
