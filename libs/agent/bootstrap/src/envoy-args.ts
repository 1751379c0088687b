import type { MeshProxyConfig } from '@flotilla/model';

export interface EnvoyArgsInput {
  readonly proxyConfig: MeshProxyConfig;
  readonly bootstrapFile: string;
  readonly instanceIps: readonly string[];
  /** A level, components with theirs, or both: `info,upstream:debug`. */
  readonly proxyLogLevel: string;
  readonly proxyComponentLogLevel: string;
  readonly logAsJson: boolean;
  /** Text of ISTIO_BOOTSTRAP_OVERRIDE's file. */
  readonly override?: string;
}

const textFormat = '%Y-%m-%dT%T.%fZ\t%l\tenvoy %n %g:%#\t%v\tthread=%t';
const jsonFormat = '{"level":"%l","time":"%Y-%m-%dT%T.%fZ","scope":"envoy %n","msg":"%j","caller":"%g:%#","thread":%t}';

/** Envoy's command line as Istio 1.19 gives it. */
export function buildEnvoyArgs(input: EnvoyArgsInput): string[] {
  const { proxyConfig, instanceIps } = input;
  const parts = input.proxyLogLevel.split(',').filter(Boolean);
  const level = parts.find((part) => !part.includes(':'));
  const components = parts.filter((part) => part.includes(':')).join(',') || input.proxyComponentLogLevel;
  const ipv6Only = instanceIps.length > 0 && instanceIps.every((ip) => ip.includes(':'));
  return [
    '-c',
    input.bootstrapFile,
    '--drain-time-s',
    String(Math.trunc(proxyConfig.drainDuration ?? 45)),
    '--drain-strategy',
    'immediate',
    '--local-address-ip-version',
    ipv6Only ? 'v6' : 'v4',
    '--file-flush-interval-msec',
    '1000',
    '--disable-hot-restart',
    '--allow-unknown-static-fields',
    '--log-format',
    input.logAsJson ? jsonFormat : textFormat,
    ...(level ? ['-l', level] : []),
    ...(components ? ['--component-log-level', components] : []),
    ...(input.override ? ['--config-yaml', input.override] : []),
    ...(proxyConfig.concurrency ? ['--concurrency', String(proxyConfig.concurrency)] : []),
  ];
}
