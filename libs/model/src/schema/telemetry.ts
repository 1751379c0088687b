import {
  bool,
  double,
  duration,
  enumeration,
  map,
  message,
  repeated,
  string,
  struct,
  int,
  uint,
  wrapper,
  type Infer,
} from './schema.ts';
import { WorkloadSelector } from './common.ts';

const ProviderRef = message({ name: string });
const WorkloadMode = enumeration(['CLIENT_AND_SERVER', 'CLIENT', 'SERVER']);
/** Istio's own metrics by their names in a Telemetry, in the order of their numbers (MetricSelector.IstioMetric). */
export const istioMetrics = [
  'REQUEST_COUNT',
  'REQUEST_DURATION',
  'REQUEST_SIZE',
  'RESPONSE_SIZE',
  'TCP_OPENED_CONNECTIONS',
  'TCP_CLOSED_CONNECTIONS',
  'TCP_SENT_BYTES',
  'TCP_RECEIVED_BYTES',
  'GRPC_REQUEST_MESSAGES',
  'GRPC_RESPONSE_MESSAGES',
] as const;
const Metric = enumeration(['ALL_METRICS', ...istioMetrics]);
/** telemetry.istio.io Telemetry */
export const Telemetry = message({
  selector: WorkloadSelector,
  tracing: repeated(
    message({
      match: message({ mode: WorkloadMode }),
      providers: repeated(ProviderRef),
      randomSamplingPercentage: wrapper(double),
      disableSpanReporting: wrapper(bool),
      customTags: map(
        message(
          {
            literal: message({ value: string }),
            environment: message({ name: string, defaultValue: string }),
            header: message({ name: string, defaultValue: string }),
          },
          [['literal', 'environment', 'header']],
        ),
      ),
      useRequestIdForTraceSampling: wrapper(bool),
    }),
  ),
  metrics: repeated(
    message({
      providers: repeated(ProviderRef),
      reportingInterval: duration,
      overrides: repeated(
        message({
          match: message({ metric: Metric, customMetric: string, mode: WorkloadMode }, [['metric', 'customMetric']]),
          disabled: wrapper(bool),
          tagOverrides: map(message({ operation: enumeration(['UPSERT', 'REMOVE']), value: string })),
        }),
      ),
    }),
  ),
  accessLogging: repeated(
    message({
      match: message({ mode: WorkloadMode }),
      providers: repeated(ProviderRef),
      disabled: wrapper(bool),
      filter: message({ expression: string }),
    }),
  ),
});
export type Telemetry = Infer<typeof Telemetry>;

/** extensions.istio.io WasmPlugin */
export const WasmPlugin = message({
  selector: WorkloadSelector,
  url: string,
  sha256: string,
  imagePullPolicy: enumeration(['UNSPECIFIED_POLICY', 'IfNotPresent', 'Always']),
  imagePullSecret: string,
  verificationKey: string,
  pluginConfig: struct,
  pluginName: string,
  phase: enumeration(['UNSPECIFIED_PHASE', 'AUTHN', 'AUTHZ', 'STATS']),
  priority: wrapper(int),
  failStrategy: enumeration(['FAIL_CLOSE', 'FAIL_OPEN']),
  vmConfig: message({
    env: repeated(message({ name: string, valueFrom: enumeration(['INLINE', 'HOST']), value: string })),
  }),
  match: repeated(
    message({
      mode: enumeration(['UNDEFINED', 'CLIENT', 'SERVER', 'CLIENT_AND_SERVER']),
      ports: repeated(message({ number: uint })),
    }),
  ),
});
export type WasmPlugin = Infer<typeof WasmPlugin>;
