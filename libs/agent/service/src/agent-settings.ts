import { isTrue } from '@flotilla/rules';
import { parseSeconds, parseUint } from '@flotilla/std';
import type { Environment } from '@flotilla/agent-bootstrap';
import type { FlagSpec } from '@flotilla/agent-iptables';
import type { ConnectionLimits } from '@flotilla/server';

/** Flags of `pilot-agent proxy`. */
export const proxyFlags: readonly FlagSpec[] = [
  { name: 'domain', fallback: '', usage: 'DNS domain of the proxy; default NAMESPACE.svc.cluster.local' },
  {
    name: 'proxyLogLevel',
    fallback: 'warning,misc:error',
    usage: 'log level of Envoy, with components: warning,upstream:debug',
  },
  { name: 'proxyComponentLogLevel', fallback: '', usage: "log levels of Envoy's components" },
  { name: 'outlierLogPath', fallback: '', usage: 'file for events of outlier detection' },
  { name: 'templateFile', fallback: '', usage: 'bootstrap template instead of the built-in one' },
  { name: 'meshConfig', fallback: './etc/istio/config/mesh', usage: 'mesh configuration file' },
  { name: 'stsPort', fallback: '0', usage: 'port of a security token service' },
  { name: 'tokenManagerPlugin', fallback: 'GoogleTokenExchange', usage: 'accepted, without effect' },
  { name: 'serviceCluster', fallback: 'istio-proxy', usage: "deprecated: the proxy configuration's serviceCluster" },
  { name: 'concurrency', fallback: '0', usage: "deprecated: the proxy configuration's concurrency" },
  { name: 'profiling', fallback: 'true', boolean: true, usage: 'accepted, without effect' },
  { name: 'log_output_level', fallback: 'default:info', usage: 'log levels of the agent by scope' },
  { name: 'log_as_json', fallback: 'false', boolean: true, usage: 'Envoy logs JSON' },
];

/** How long the agent's event loop may be stuck before a stack is logged, and before the agent ends; 0: never. */
export interface WatchdogThresholds {
  readonly stackAfterMs: number;
  readonly exitAfterMs: number;
}

/** What the agent takes from its environment, with Istio's names and defaults. */
export interface AgentSettings {
  readonly caAddress?: string;
  readonly tokenFile: string;
  readonly caRootFile?: string;
  readonly xdsRootFile?: string;
  readonly clusterId: string;
  readonly trustDomain: string;
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly secretTtlSeconds: number;
  readonly graceRatio: number;
  readonly graceJitter: number;
  readonly dnsCapture: boolean;
  readonly dnsAddress: string;
  readonly appProbers: string;
  readonly prometheusAnnotations: string;
  readonly exitOnZeroActiveConnections: boolean;
  readonly minimumDrainMs: number;
  readonly envoyBinary?: string;
  readonly bootstrapTemplate?: string;
  readonly bootstrapOverride?: string;
  readonly grpcBootstrap?: string;
  readonly istioExtensions: boolean;
  /** Of each of the agent's ports and sockets: AGENT_MAX_CONNECTIONS, AGENT_REQUEST_TIMEOUT, AGENT_IDLE_TIMEOUT. */
  readonly connectionLimits: Partial<ConnectionLimits>;
  /** DNS queries that wait for upstream servers at once. */
  readonly maxForwardedQueries: number;
  readonly watchdog: WatchdogThresholds;
}

/** `SYSTEM` means the system's roots (undefined); else a file, by default that of the certificate provider. */
function rootFile(given: string | undefined, provider: string | undefined): string | undefined {
  if (given === 'SYSTEM' || (!given && provider === 'system')) return undefined;
  if (given) return given;
  return provider === 'kubernetes'
    ? './var/run/secrets/kubernetes.io/serviceaccount/ca.crt'
    : './var/run/secrets/istio/root-cert.pem';
}

export function readSettings(env: Environment): AgentSettings {
  const seconds = (name: string, fallback: number): number => {
    const given = parseSeconds(env[name] ?? '');
    return given.ok ? given.value : fallback;
  };
  const ratio = (name: string, fallback: number): number => {
    const value = Number(env[name] ?? fallback);
    return value >= 0 && value <= 1 ? value : fallback;
  };
  const count = (name: string, fallback: number): number => {
    const given = parseUint(env[name] ?? '', 1_000_000);
    return given.ok && given.value > 0 ? given.value : fallback;
  };
  const provider = env['PILOT_CERT_PROVIDER'];
  const caRootFile = rootFile(env['CA_ROOT_CA'], provider);
  const xdsRootFile = rootFile(env['XDS_ROOT_CA'], provider);
  const optional = <K extends string>(key: K, value: string | undefined): Partial<Record<K, string>> =>
    value ? ({ [key]: value } as Record<K, string>) : {};
  return {
    ...optional('caAddress', env['CA_ADDR']),
    ...optional('caRootFile', caRootFile),
    ...optional('xdsRootFile', xdsRootFile),
    tokenFile:
      env['JWT_POLICY'] === 'first-party-jwt'
        ? './var/run/secrets/kubernetes.io/serviceaccount/token'
        : './var/run/secrets/tokens/istio-token',
    clusterId: env['ISTIO_META_CLUSTER_ID'] ?? 'Kubernetes',
    trustDomain: env['TRUST_DOMAIN'] || 'cluster.local',
    namespace: env['POD_NAMESPACE'] || 'default',
    serviceAccount: env['SERVICE_ACCOUNT'] || 'default',
    secretTtlSeconds: seconds('SECRET_TTL', 24 * 3600),
    graceRatio: ratio('SECRET_GRACE_PERIOD_RATIO', 0.5),
    graceJitter: ratio('SECRET_GRACE_PERIOD_RATIO_JITTER', 0.01),
    dnsCapture: isTrue(env['ISTIO_META_DNS_CAPTURE']),
    dnsAddress: env['DNS_PROXY_ADDR'] || 'localhost:15053',
    appProbers: env['ISTIO_KUBE_APP_PROBERS'] ?? '',
    prometheusAnnotations: env['ISTIO_PROMETHEUS_ANNOTATIONS'] ?? '',
    exitOnZeroActiveConnections: isTrue(env['EXIT_ON_ZERO_ACTIVE_CONNECTIONS']),
    minimumDrainMs: seconds('MINIMUM_DRAIN_DURATION', 5) * 1000,
    ...optional('envoyBinary', env['ENVOY_BIN']),
    ...optional('bootstrapTemplate', env['ISTIO_BOOTSTRAP']),
    ...optional('bootstrapOverride', env['ISTIO_BOOTSTRAP_OVERRIDE']),
    ...optional('grpcBootstrap', env['GRPC_XDS_BOOTSTRAP']),
    istioExtensions: isTrue(env['ENVOY_HAS_ISTIO_EXTENSIONS']),
    connectionLimits: {
      maxConnections: count('AGENT_MAX_CONNECTIONS', 200),
      requestTimeout: seconds('AGENT_REQUEST_TIMEOUT', 5) * 1000,
      idleTimeout: seconds('AGENT_IDLE_TIMEOUT', 120) * 1000,
    },
    maxForwardedQueries: count('AGENT_MAX_DNS_QUERIES', 1000),
    watchdog: {
      stackAfterMs: seconds('AGENT_WATCHDOG_STACK_AFTER', 5) * 1000,
      exitAfterMs: seconds('AGENT_WATCHDOG_EXIT_AFTER', 30) * 1000,
    },
  };
}

/** host and port of `localhost:15053` or `[::1]:15053`; localhost is the loopback address of the pod's family. */
export function splitAddress(address: string, localhost: string): { readonly address: string; readonly port: number } {
  const colon = address.lastIndexOf(':');
  const host = address.slice(0, colon).replace(/^\[(.*)\]$/, '$1');
  return { address: host === 'localhost' || host === '' ? localhost : host, port: Number(address.slice(colon + 1)) };
}
