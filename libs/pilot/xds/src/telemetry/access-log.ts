import { compareText } from '@flotilla/std';
import type { ExtensionProvider } from '@flotilla/model';
import { setting, worldQuery, type View } from '@flotilla/pilot-world';
import { envoy } from '@flotilla/proto-gen/envoy';
import { defineKey, type KeyOf } from '@flotilla/query';
import { clusterName } from '../cluster-name.ts';
import { typedConfig } from '../finish/typed-config.ts';
import { collectorHost } from './collector.ts';
import { applicableTelemetries, onSide, providerNamed, type Side } from './telemetry.ts';
import { defaultText, jsonFormat, meshFormat, textFormat } from './log-format.ts';

type IAccessLog = envoy.config.accesslog.v3.IAccessLog;
type IFilter = envoy.config.accesslog.v3.IAccessLogFilter;
const loggers = envoy.extensions.access_loggers;
const { V3 } = envoy.config.core.v3.ApiVersion;
/** What a log belongs to. A listener logs only what no chain of it matched. */
export type LogOf = 'http' | 'tcp' | 'listener';

const peers = ['wasm.upstream_peer', 'wasm.upstream_peer_id', 'wasm.downstream_peer', 'wasm.downstream_peer_id'];

const file = (path: string, logFormat: envoy.config.core.v3.ISubstitutionFormatString): IAccessLog => ({
  name: 'envoy.access_loggers.file',
  typedConfig: typedConfig(loggers.file.v3.FileAccessLog, { path, logFormat }),
});
const tcpStream = (commonConfig: envoy.extensions.access_loggers.grpc.v3.ICommonGrpcAccessLogConfig): IAccessLog => ({
  name: 'envoy.tcp_grpc_access_log',
  typedConfig: typedConfig(loggers.grpc.v3.TcpGrpcAccessLogConfig, { commonConfig }),
});

function stream(
  logName: string,
  envoyGrpc: envoy.config.core.v3.GrpcService.IEnvoyGrpc,
  objects?: readonly string[],
): envoy.extensions.access_loggers.grpc.v3.ICommonGrpcAccessLogConfig {
  return {
    logName,
    grpcService: { envoyGrpc },
    transportApiVersion: V3,
    filterStateObjectsToLog: [...(objects?.length ? objects : peers)],
  };
}

/** The collector of a `[namespace/]host`; undefined when the mesh doesn't know it. */
function collector(
  view: View,
  { service, port }: { service?: string; port?: number },
): envoy.config.core.v3.GrpcService.IEnvoyGrpc | undefined {
  const host = collectorHost(view, service);
  return host === undefined
    ? undefined
    : { clusterName: clusterName('outbound', { host, port: port ?? 0 }), authority: host };
}

function fromProvider(view: View, provider: ExtensionProvider): IAccessLog | undefined {
  const { envoyFileAccessLog: toFile, envoyHttpAls: http, envoyTcpAls: tcp, envoyOtelAls: otel } = provider;
  if (toFile) {
    const { text, labels } = toFile.logFormat ?? {};
    const own =
      toFile.logFormat === undefined && provider.name === 'envoy'
        ? meshFormat(setting(view, 'accessLogEncoding'), setting(view, 'accessLogFormat'))
        : labels
          ? jsonFormat(labels)
          : textFormat(text);
    return file(toFile.path || '/dev/stdout', own);
  }
  const to = http ?? tcp ?? otel;
  const envoyGrpc = to && collector(view, to);
  if (!to || !envoyGrpc) return undefined;
  if (http) {
    return {
      name: 'envoy.access_loggers.http_grpc',
      typedConfig: typedConfig(loggers.grpc.v3.HttpGrpcAccessLogConfig, {
        commonConfig: stream(http.logName || 'http_envoy_accesslog', envoyGrpc, http.filterStateObjectsToLog),
        additionalRequestHeadersToLog: [...(http.additionalRequestHeadersToLog ?? [])],
        additionalResponseHeadersToLog: [...(http.additionalResponseHeadersToLog ?? [])],
        additionalResponseTrailersToLog: [...(http.additionalResponseTrailersToLog ?? [])],
      }),
    };
  }
  if (tcp) return tcpStream(stream(tcp.logName || 'tcp_envoy_accesslog', envoyGrpc, tcp.filterStateObjectsToLog));
  const labels = Object.entries(otel?.logFormat?.labels ?? {}).sort(([a], [b]) => compareText(a, b));
  return {
    name: 'envoy.access_loggers.open_telemetry',
    typedConfig: typedConfig(loggers.open_telemetry.v3.OpenTelemetryAccessLogConfig, {
      commonConfig: stream(otel?.logName || 'otel_envoy_accesslog', envoyGrpc),
      disableBuiltinLabels: true,
      body: { stringValue: otel?.logFormat?.text || defaultText },
      ...(labels.length > 0
        ? {
            attributes: {
              values: labels.map(([key, value]) => ({
                key,
                value: { stringValue: typeof value === 'string' ? value : '' },
              })),
            },
          }
        : {}),
    }),
  };
}

/** What is in force for one provider: off, or the expression that picks what it logs. */
interface Logging {
  readonly disabled: boolean;
  readonly expression?: string;
}

/**
 * The providers that Telemetry resources or the mesh's defaults name, each with what is in force for it (Istio's
 * mergeLogs). A resource without providers is about those above it, a later one replaces the choice. A provider that
 * was switched off stays in the result: it still counts as chosen, so that MeshConfig's own logs are not used.
 */
function choose(view: View, side: Side): ReadonlyMap<string, Logging> {
  const defaults = setting(view, 'defaultProviders')?.accessLogging ?? [];
  const levels = view
    .query(applicableTelemetries, '')
    .map(({ accessLogging }) => accessLogging ?? [])
    .filter((level) => level.length > 0);
  const enabled: Logging = { disabled: false };
  if (levels.length === 0) return new Map(defaults.map((name) => [name, enabled]));
  let scope: readonly string[] = defaults;
  const named = new Map<string, Logging>();
  for (const level of levels) {
    const names = level
      .filter(({ match }) => onSide(match, side))
      .flatMap(({ providers, filter }) =>
        (providers ?? []).map(({ name = '' }) => {
          named.set(name, { disabled: false, ...(filter ? { expression: filter.expression ?? '' } : {}) });
          return name;
        }),
      );
    if (names.length > 0) scope = names;
  }
  const chosen = new Map<string, Logging>();
  let above: readonly string[] = defaults;
  for (const { match, providers, disabled = false } of levels.flat()) {
    if (providers?.length) above = providers.map(({ name = '' }) => name);
    if (!onSide(match, side)) continue;
    for (const name of above.filter((candidate) => scope.includes(candidate)))
      chosen.set(name, disabled ? { disabled } : (named.get(name) ?? enabled));
  }
  return chosen;
}

/** The providers that log on a side, each with its filter: an expression, or empty. */
export const logProviders = (view: View, side: Side): ReadonlyMap<string, string> =>
  new Map(
    [...choose(view, side)].flatMap(([name, { disabled, expression = '' }]) => (disabled ? [] : [[name, expression]])),
  );

const unmatched: IFilter = { responseFlagFilter: { flags: ['NR'] } };
const byExpression = (expression: string): IFilter => ({
  extensionFilter: {
    name: 'envoy.access_loggers.extension_filters.cel',
    typedConfig: typedConfig(loggers.filters.cel.v3.ExpressionFilter, { expression }),
  },
});

function withFilter(log: IAccessLog, of: LogOf, expression?: string): IAccessLog {
  const filters = [
    ...(of === 'listener' ? [unmatched] : []),
    ...(expression === undefined ? [] : [byExpression(expression)]),
  ];
  const [only, ...others] = filters;
  return only ? { ...log, filter: others.length > 0 ? { andFilter: { filters } } : only } : log;
}

/** What MeshConfig itself requests. */
function fromMesh(view: View, of: LogOf): IAccessLog[] {
  const path = setting(view, 'accessLogFile');
  const objects = { clusterName: 'envoy_accesslog_service' };
  const sent: IAccessLog =
    of === 'http'
      ? {
          name: 'envoy.access_loggers.http_grpc',
          typedConfig: typedConfig(loggers.grpc.v3.HttpGrpcAccessLogConfig, {
            commonConfig: stream('http_envoy_accesslog', objects),
          }),
        }
      : tcpStream(stream(of === 'tcp' ? 'tcp_envoy_accesslog' : 'listener_envoy_accesslog', objects));
  return [
    ...(path ? [file(path, meshFormat(setting(view, 'accessLogEncoding'), setting(view, 'accessLogFormat')))] : []),
    ...(setting(view, 'enableEnvoyAccessLogService') ? [sent] : []),
  ].map((log) => withFilter(log, of));
}

const logKey = defineKey<{ readonly side: Side; readonly of: LogOf }>()('side', 'of');

/**
 * The access logs of a listener, or of its HTTP or byte streams: those of Telemetry and the mesh's default providers if
 * any of their providers can log, even if all of them are switched off, else those of MeshConfig.
 */
const accessLogs = worldQuery('access-logs', (view, { side, of }: KeyOf<typeof logKey>): readonly IAccessLog[] => {
  if (of === 'listener' && setting(view, 'disableEnvoyListenerLog')) return [];
  const logs = [...choose(view, side)]
    .sort(([a], [b]) => compareText(a, b))
    .flatMap(([name, { disabled, expression }]) => {
      const provider = providerNamed(view, name);
      const log = provider && fromProvider(view, provider);
      return log ? [disabled ? undefined : withFilter(log, of, expression)] : [];
    });
  return logs.length > 0 ? logs.filter((log) => log !== undefined) : fromMesh(view, of);
});

/** As a field of what it belongs to; nothing when nothing is logged. */
export function accessLogFor(view: View, side: Side, of: LogOf): { accessLog?: IAccessLog[] } {
  const logs = view.query(accessLogs, logKey({ side, of }));
  return logs.length > 0 ? { accessLog: [...logs] } : {};
}
