import type { MeshProxyConfig } from '@flotilla/model';
import { err, ok } from '@flotilla/std';
import type { Result } from '@flotilla/std';
import { parseSocketAddress, remoteCluster, type Json } from './clusters.ts';
import type { Node } from './metadata.ts';

export interface TracingInput {
  readonly proxyConfig: MeshProxyConfig;
  readonly node: Pick<Node, 'cluster' | 'typed'>;
  readonly dnsLookupFamily: string;
  readonly hostIp?: string;
  readonly configPath: string;
  readonly stsPort?: number;
  readonly gcpProject?: string;
  /** Whether the Envoy binary has the OpenCensus tracer, which a stock Envoy no longer has. */
  readonly openCensus: boolean;
}
export interface BuiltTracing {
  readonly clusters: readonly Json[];
  readonly tracing?: Json;
  readonly files: Readonly<Record<string, string>>;
  readonly warnings: readonly string[];
}

const none: BuiltTracing = { clusters: [], files: {}, warnings: [] };
const typeUrl = (name: string): string => `type.googleapis.com/envoy.config.trace.v3.${name}`;
const tracer = (name: string, config: Json): Json => ({
  http: { name: `envoy.tracers.${name}`, typed_config: config },
});

/**
 * The tracer of the proxy configuration with the cluster of its collector; none without an address. Fails for an
 * address without a port, and for Stackdriver outside Google Cloud.
 */
export function buildTracing(input: TracingInput): Result<BuiltTracing> {
  const { tracing } = input.proxyConfig;
  if (tracing?.zipkin)
    return collector(input, {
      name: 'zipkin',
      address: tracing.zipkin.address,
      refresh: '30s',
      tracing: tracer('zipkin', {
        '@type': typeUrl('ZipkinConfig'),
        collector_cluster: 'zipkin',
        collector_endpoint: '/api/v2/spans',
        collector_endpoint_version: 'HTTP_JSON',
        trace_id_128bit: true,
        shared_span_context: false,
      }),
    });
  if (tracing?.lightstep) {
    const path = `${normalizePath(input.configPath)}/lightstep_access_token.txt`;
    const built = collector(input, {
      name: 'lightstep',
      address: tracing.lightstep.address,
      grpc: true,
      tracing: tracer('lightstep', {
        '@type': typeUrl('LightstepConfig'),
        collector_cluster: 'lightstep',
        access_token_file: path,
      }),
    });
    return built.ok ? ok({ ...built.value, files: { [path]: tracing.lightstep.accessToken ?? '' } }) : built;
  }
  if (tracing?.datadog)
    return collector(input, {
      name: 'datadog',
      cluster: 'datadog_agent',
      address: tracing.datadog.address,
      tracing: tracer('datadog', {
        '@type': typeUrl('DatadogConfig'),
        collector_cluster: 'datadog_agent',
        service_name: input.node.cluster,
      }),
    });
  if (!tracing?.openCensusAgent?.address && !tracing?.stackdriver) return ok(none);
  if (tracing.stackdriver && input.gcpProject === undefined)
    return err('unable to process Stackdriver tracer: missing GCP Project');
  if (!input.openCensus)
    return ok({ ...none, warnings: ['this Envoy has no OpenCensus tracer: proxy spans are not exported'] });
  const config = tracing.stackdriver
    ? stackdriver(input, tracing.stackdriver)
    : openCensusAgent(tracing.openCensusAgent ?? {});
  return ok({ ...none, tracing: tracer('opencensus', { '@type': typeUrl('OpenCensusConfig'), ...config }) });
}

interface Collector {
  readonly name: string;
  readonly cluster?: string;
  readonly address: string | undefined;
  readonly grpc?: boolean;
  readonly refresh?: string;
  readonly tracing: Json;
}
/** A tracer and the cluster that its spans go to. */
function collector(
  { proxyConfig, node, dnsLookupFamily, hostIp }: TracingInput,
  { name, cluster = name, address, tracing, ...options }: Collector,
): Result<BuiltTracing> {
  if (!address) return ok(none);
  const parsed = parseSocketAddress(address, name, hostIp);
  if (!parsed.ok) return parsed;
  const tls = { settings: proxyConfig.tracing?.tlsSettings, defaultSni: 'tracer', metadata: node.typed };
  return ok({
    ...none,
    clusters: [remoteCluster(cluster, parsed.value, { dnsLookupFamily, tls, ...options })],
    tracing,
  });
}

/** A path without `.` members, as Go's path.Join gives it. */
const normalizePath = (path: string): string =>
  (path.startsWith('/') ? '/' : '') +
  path
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/');

type Stackdriver = NonNullable<NonNullable<MeshProxyConfig['tracing']>['stackdriver']>;
type OpenCensusAgent = NonNullable<NonNullable<MeshProxyConfig['tracing']>['openCensusAgent']>;

const contexts = (names: readonly string[]): Json => ({ incoming_trace_context: names, outgoing_trace_context: names });
const traceConfig = ({
  maxNumberOfAnnotations,
  maxNumberOfAttributes,
  maxNumberOfMessageEvents,
}: Stackdriver = {}): Json => ({
  trace_config: {
    constant_sampler: { decision: 'ALWAYS_PARENT' },
    max_number_of_annotations: maxNumberOfAnnotations ?? 200,
    max_number_of_attributes: maxNumberOfAttributes ?? 200,
    max_number_of_message_events: maxNumberOfMessageEvents ?? 200,
    max_number_of_links: 200,
  },
});

const contextNames: Readonly<Record<string, string>> = {
  W3C_TRACE_CONTEXT: 'TRACE_CONTEXT',
  GRPC_BIN: 'GRPC_TRACE_BIN',
  CLOUD_TRACE_CONTEXT: 'CLOUD_TRACE_CONTEXT',
  B3: 'B3',
};
function openCensusAgent({ address, context = [] }: OpenCensusAgent): Json {
  const named = context.map((name) => contextNames[name]).filter((name) => name !== undefined);
  return {
    ocagent_exporter_enabled: true,
    ocagent_address: address ?? '',
    ...contexts(named.length > 0 ? named : Object.values(contextNames)),
    ...traceConfig(),
  };
}

function stackdriver({ stsPort, gcpProject }: TracingInput, settings: Stackdriver): Json {
  const sts = stsPort
    ? {
        stackdriver_grpc_service: {
          google_grpc: {
            target_uri: 'cloudtrace.googleapis.com',
            stat_prefix: 'oc_stackdriver_tracer',
            channel_credentials: { ssl_credentials: {} },
            call_credentials: [
              {
                sts_service: {
                  token_exchange_service_uri: `http://localhost:${stsPort}/token`,
                  subject_token_path: './var/run/secrets/tokens/istio-token',
                  subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
                  scope: 'https://www.googleapis.com/auth/cloud-platform',
                },
              },
            ],
          },
          initial_metadata: [{ key: 'x-goog-user-project', value: gcpProject }],
        },
      }
    : {};
  return {
    stackdriver_exporter_enabled: true,
    stackdriver_project_id: gcpProject,
    ...sts,
    stdout_exporter_enabled: settings.debug ?? false,
    ...contexts(['CLOUD_TRACE_CONTEXT', 'TRACE_CONTEXT', 'GRPC_TRACE_BIN', 'B3']),
    ...traceConfig(settings),
  };
}
