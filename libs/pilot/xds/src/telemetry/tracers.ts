import type { ExtensionProvider } from '@flotilla/model';
import type { View } from '@flotilla/pilot-world';
import { bool, envoy } from '@flotilla/proto-gen/envoy';
import { clusterName } from '../cluster-name.ts';
import { typedConfig } from '../finish/typed-config.ts';
import { collectorHost } from './collector.ts';
import { stackdriverTracer } from './stackdriver-tracer.ts';

const trace = envoy.config.trace.v3;
const { B3, CLOUD_TRACE_CONTEXT, GRPC_TRACE_BIN, TRACE_CONTEXT } = trace.OpenCensusConfig.TraceContext;
const contexts: Readonly<Record<string, number>> = {
  W3C_TRACE_CONTEXT: TRACE_CONTEXT,
  GRPC_BIN: GRPC_TRACE_BIN,
  CLOUD_TRACE_CONTEXT,
  B3,
};

/** Where spans go. */
export interface Tracer {
  readonly provider: envoy.config.trace.v3.Tracing.IHttp;
  readonly maxTagLength: number;
  /** Spans of requests to upstreams are children of their own, made by the router. */
  readonly childSpans: boolean;
}

interface Collector {
  readonly host: string;
  readonly cluster: string;
}
function collector(
  view: View,
  { service, port }: { readonly service?: string; readonly port?: number },
): Collector | undefined {
  const host = collectorHost(view, service);
  return host === undefined ? undefined : { host, cluster: clusterName('outbound', { host, port: port ?? 0 }) };
}
const grpc = ({ host, cluster }: Collector): envoy.config.core.v3.IGrpcService => ({
  envoyGrpc: { clusterName: cluster, authority: host },
});

function zipkin({ host, cluster }: Collector, enable64bitTraceId: boolean): envoy.config.trace.v3.Tracing.IHttp {
  return {
    name: 'envoy.tracers.zipkin',
    typedConfig: typedConfig(trace.ZipkinConfig, {
      collectorCluster: cluster,
      collectorEndpoint: '/api/v2/spans',
      collectorEndpointVersion: trace.ZipkinConfig.CollectorEndpointVersion.HTTP_JSON,
      collectorHostname: host,
      traceId_128bit: !enable64bitTraceId,
      sharedSpanContext: bool(false),
    }),
  };
}

/** An OpenCensus agent is reached by its address, no cluster of Envoy's. */
function openCensus({
  service,
  port,
  context,
}: NonNullable<ExtensionProvider['opencensus']>): envoy.config.trace.v3.Tracing.IHttp {
  const asked = (context ?? []).flatMap((name) => contexts[name] ?? []);
  const spoken = asked.length > 0 ? asked : [B3, CLOUD_TRACE_CONTEXT, GRPC_TRACE_BIN, TRACE_CONTEXT];
  return {
    name: 'envoy.tracers.opencensus',
    typedConfig: typedConfig(trace.OpenCensusConfig, {
      ocagentAddress: `${service ?? ''}:${port ?? 0}`,
      ocagentExporterEnabled: true,
      incomingTraceContext: spoken,
      outgoingTraceContext: spoken,
    }),
  };
}

/**
 * A provider as Envoy's tracer (Istio's configureFromProviderConfig); undefined for one that doesn't trace, or whose
 * service the mesh doesn't know.
 */
export function buildTracer(view: View, provider: ExtensionProvider): Tracer | undefined {
  const { zipkin: zip, datadog, lightstep, skywalking, opencensus, opentelemetry, stackdriver } = provider;
  // A stock Envoy 1.36 has no tracer for OpenCensus any more; Istio's own build of then does.
  if (opencensus && !view.attr('istioExtensions')) return undefined;
  if (opencensus)
    return { provider: openCensus(opencensus), maxTagLength: opencensus.maxTagLength ?? 0, childSpans: false };
  if (stackdriver) {
    const own = stackdriverTracer(view, stackdriver);
    return own && { provider: own, maxTagLength: stackdriver.maxTagLength ?? 0, childSpans: false };
  }
  const given = zip ?? datadog ?? lightstep ?? skywalking ?? opentelemetry;
  const to = given && collector(view, given);
  if (!to) return undefined;
  const serviceName = view.attr('serviceCluster');
  const tracer = (http: envoy.config.trace.v3.Tracing.IHttp, maxTagLength = 0): Tracer => ({
    provider: http,
    maxTagLength,
    childSpans: skywalking !== undefined,
  });
  if (zip) return tracer(zipkin(to, zip.enable64bitTraceId ?? false), zip.maxTagLength);
  if (datadog) {
    return tracer(
      {
        name: 'envoy.tracers.datadog',
        typedConfig: typedConfig(trace.DatadogConfig, {
          collectorCluster: to.cluster,
          serviceName,
          collectorHostname: to.host,
        }),
      },
      datadog.maxTagLength,
    );
  }
  if (lightstep) {
    // spoken to as OpenTelemetry, which it understands
    const initialMetadata = [{ key: 'lightstep-access-token', value: lightstep.accessToken ?? '' }];
    return tracer(
      {
        name: 'envoy.tracers.lightstep',
        typedConfig: typedConfig(trace.OpenTelemetryConfig, { grpcService: { ...grpc(to), initialMetadata } }),
      },
      lightstep.maxTagLength,
    );
  }
  if (skywalking)
    return tracer({
      name: 'envoy.tracers.skywalking',
      typedConfig: typedConfig(trace.SkyWalkingConfig, { grpcService: grpc(to) }),
    });
  return tracer(
    {
      name: 'envoy.tracers.opentelemetry',
      typedConfig: typedConfig(trace.OpenTelemetryConfig, { grpcService: grpc(to), serviceName }),
    },
    opentelemetry?.maxTagLength,
  );
}
