import { parsePort } from '@flotilla/std';
import type { ExtensionProvider } from '@flotilla/model';
import type { View } from '@flotilla/pilot-world';
import { envoy } from '@flotilla/proto-gen/envoy';
import { typedConfig } from '../finish/typed-config.ts';

const { OpenCensusConfig } = envoy.config.trace.v3;
const { B3, CLOUD_TRACE_CONTEXT, GRPC_TRACE_BIN, TRACE_CONTEXT } = OpenCensusConfig.TraceContext;
const contexts = [B3, CLOUD_TRACE_CONTEXT, GRPC_TRACE_BIN, TRACE_CONTEXT];

/** The Google Cloud project in which a proxy runs, as it sends it. */
function projectOf(view: View): string | undefined {
  const platform = (view.meta('PLATFORM_METADATA') ?? {}) as Readonly<Record<string, unknown>>;
  const project = platform['gcp_project'] ?? platform['gcp_project_number'];
  return typeof project === 'string' ? project : undefined;
}

/** How Google Cloud is spoken to by tokens that the agent exchanges at a port. */
const byTokens = (project: string, port: number): envoy.config.core.v3.IGrpcService => ({
  googleGrpc: {
    targetUri: 'cloudtrace.googleapis.com',
    statPrefix: 'oc_stackdriver_tracer',
    channelCredentials: { sslCredentials: {} },
    callCredentials: [
      {
        stsService: {
          tokenExchangeServiceUri: `http://localhost:${port}/token`,
          subjectTokenPath: './var/run/secrets/tokens/istio-token',
          subjectTokenType: 'urn:ietf:params:oauth:token-type:jwt',
          scope: 'https://www.googleapis.com/auth/cloud-platform',
        },
      },
    ],
  },
  initialMetadata: [{ key: 'x-goog-user-project', value: project }],
});

/**
 * Spans for Google Cloud (Istio's stackdriverConfig); undefined for a proxy that doesn't say in which project it runs,
 * or names a port that is not valid, and for a stock Envoy, from which OpenCensus is gone.
 */
export function stackdriverTracer(
  view: View,
  {
    maxNumberOfAttributes,
    maxNumberOfAnnotations,
    maxNumberOfMessageEvents,
  }: NonNullable<ExtensionProvider['stackdriver']>,
): envoy.config.trace.v3.Tracing.IHttp | undefined {
  if (!view.attr('istioExtensions')) return undefined;
  const project = projectOf(view);
  const given = view.meta('STS_PORT') ?? '';
  const port = parsePort(typeof given === 'string' ? given : String(given)) ?? 0;
  if (project === undefined || (given !== '' && port === 0)) return undefined;
  return {
    name: 'envoy.tracers.opencensus',
    typedConfig: typedConfig(OpenCensusConfig, {
      stackdriverExporterEnabled: true,
      stackdriverProjectId: project,
      incomingTraceContext: contexts,
      outgoingTraceContext: contexts,
      traceConfig: {
        maxNumberOfAttributes: Number(maxNumberOfAttributes ?? 200),
        maxNumberOfAnnotations: Number(maxNumberOfAnnotations ?? 200),
        maxNumberOfMessageEvents: Number(maxNumberOfMessageEvents ?? 200),
      },
      ...(given === '' ? {} : { stackdriverGrpcService: byTokens(project, port) }),
    }),
  };
}
