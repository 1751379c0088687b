import { isFalse, isTrue } from '@flotilla/rules';
import { err, ok, parsePort } from '@flotilla/std';
import type { Result } from '@flotilla/std';
import type { MeshProxyConfig } from '@flotilla/model';
import { buildBootstrap } from './bootstrap.ts';
import type { BuiltBootstrap } from './bootstrap.ts';
import { addressFamily, instanceAddresses, type AddressFamily } from './addresses.ts';
import { buildNode } from './metadata.ts';
import type { Environment, Node } from './metadata.ts';
import { platformOf } from './platform.ts';
import { resolveProxyConfig } from './proxy-config.ts';

/** Everything about the pod that decides how its proxy starts. */
export interface ProxyInput {
  readonly args: {
    readonly type: string;
    readonly domain?: string;
    readonly outlierLogPath?: string;
    readonly stsPort?: number;
    /** Deprecated flags, which the proxy configuration replaces. */
    readonly serviceCluster?: string;
    readonly concurrency?: number;
    /** A bootstrap template of the user's; the configuration that the node names has it. */
    readonly templateFile?: string;
  };
  readonly env: Environment;
  readonly meshFile?: string;
  readonly podLabels?: Readonly<Record<string, string>>;
  readonly podAnnotations?: Readonly<Record<string, string>>;
  /** Addresses of the pod's interfaces, without loopback and link-local ones. */
  readonly interfaceAddresses: readonly string[];
  readonly istioExtensions: boolean;
  /** The statsd address with its host resolved, or '' for none: Envoy needs an address. */
  readonly statsdUdpAddress?: string;
  readonly xdsSocket?: string;
  readonly sdsSocket?: string;
}
export interface Proxy extends BuiltBootstrap {
  readonly type: 'sidecar' | 'router' | 'waypoint';
  readonly node: Node;
  readonly proxyConfig: MeshProxyConfig;
  readonly instanceIps: readonly string[];
  readonly family: AddressFamily;
  /** The Unix socket on which Envoy and proxyless gRPC applications reach the agent's relay. */
  readonly xdsSocket: string;
}

const types: readonly string[] = ['sidecar', 'router', 'waypoint'];
export const istioVersion = '1.19.0';
const defaultConfigPath = './etc/istio/proxy';
export const defaultSdsSocket = './var/run/secrets/workload-spiffe-uds/socket';

/** Names of pilot's certificate, by its address; none unless the control plane's policy is mutual TLS. */
function pilotSans({ controlPlaneAuthPolicy, discoveryAddress = '' }: MeshProxyConfig): string[] {
  if (controlPlaneAuthPolicy !== 'MUTUAL_TLS') return [];
  const host = discoveryAddress.split(':')[0] ?? '';
  return [host === 'localhost' ? 'istiod.istio-system.svc' : host];
}
const portOf = (text: string | undefined, fallback: number): number => parsePort(text ?? '') ?? fallback;

/** The effective proxy configuration: of the mesh, the environment, the pod's annotations and flags. */
function proxyConfigOf(input: ProxyInput): ReturnType<typeof resolveProxyConfig> {
  const { args, env, statsdUdpAddress } = input;
  const resolved = resolveProxyConfig({
    annotations: input.podAnnotations ?? {},
    ...(input.meshFile ? { meshFile: input.meshFile } : {}),
    ...(env['PROXY_CONFIG'] ? { environment: env['PROXY_CONFIG'] } : {}),
    ...(env['ISTIO_CPU_LIMIT'] ? { cpuLimit: env['ISTIO_CPU_LIMIT'] } : {}),
    ...(args.serviceCluster ? { serviceCluster: args.serviceCluster } : {}),
    ...(args.concurrency ? { concurrency: args.concurrency } : {}),
  });
  return !resolved.ok || statsdUdpAddress === undefined
    ? resolved
    : ok({ ...resolved.value, statsdUdpAddress: statsdUdpAddress || undefined });
}

/** With the template of a flag, which a custom configuration file overrides. */
const withTemplate = (proxyConfig: MeshProxyConfig, templateFile: string | undefined): MeshProxyConfig =>
  templateFile && !proxyConfig.customConfigFile
    ? { ...proxyConfig, proxyBootstrapTemplatePath: templateFile }
    : proxyConfig;

/**
 * A proxy's node and bootstrap from what `pilot-agent proxy` is given. Errors are the messages the agent exits with.
 */
export function buildProxy(input: ProxyInput): Result<Proxy> {
  const { args, env } = input;
  if (!types.includes(args.type)) return err(`Invalid proxy Type: ${args.type}`);
  const resolved = proxyConfigOf(input);
  if (!resolved.ok) return resolved;
  const proxyConfig = resolved.value;
  const instanceIps = instanceAddresses(env['INSTANCE_IP'] ?? '', input.interfaceAddresses);
  const family = addressFamily(instanceIps, isTrue(env['ISTIO_DUAL_STACK']));
  const xdsSocket = input.xdsSocket ?? `${proxyConfig.configPath ?? defaultConfigPath}/XDS`;
  const namespace = env['POD_NAMESPACE'] ?? '';
  const domain = args.domain || (namespace ? `${namespace}.svc.cluster.local` : '');
  const exitOnZeroActiveConnections = isTrue(env['EXIT_ON_ZERO_ACTIVE_CONNECTIONS']);
  const shared = {
    proxyConfig,
    instanceIps,
    family,
    envoyStatusPort: portOf(env['ENVOY_STATUS_PORT'], 15021),
    envoyPrometheusPort: portOf(env['ENVOY_PROMETHEUS_PORT'], 15090),
    exitOnZeroActiveConnections,
    ...(args.outlierLogPath ? { outlierLogPath: args.outlierLogPath } : {}),
    ...(args.stsPort ? { stsPort: args.stsPort } : {}),
  };
  const platform = platformOf(env);
  const node = buildNode({
    ...shared,
    proxyConfig: withTemplate(proxyConfig, args.templateFile),
    env,
    id: `${args.type}~${instanceIps[0]}~${env['POD_NAME'] ?? ''}.${namespace}~${domain}`,
    istioVersion,
    pilotSans: pilotSans(proxyConfig),
    ...(input.podLabels ? { podLabels: input.podLabels } : {}),
    ...(input.podAnnotations ? { podAnnotations: input.podAnnotations } : {}),
    ...(platform ? { platform } : {}),
  });
  if (!node.ok) return err(`failed to initialize envoy agent: failed to generate bootstrap metadata: ${node.error}`);
  const loadStatsConfig = env['ISTIO_META_LOAD_STATS_CONFIG_JSON'];
  const built = buildBootstrap({
    ...shared,
    node: node.value,
    deltaXds: isTrue(env['ISTIO_DELTA_XDS']),
    waypoint: args.type === 'waypoint',
    istioExtensions: input.istioExtensions,
    xdsSocket,
    ...(env['HOST_IP'] ? { hostIp: env['HOST_IP'] } : {}),
    stripFragment: !isFalse(env['HTTP_STRIP_FRAGMENT_FROM_PATH_UNSAFE_IF_DISABLED']),
    sdsSocket: input.sdsSocket ?? defaultSdsSocket,
    ...(loadStatsConfig ? { loadStatsConfig } : {}),
  });
  if (!built.ok) return err(`failed to initialize envoy agent: failed to generate bootstrap config: ${built.error}`);
  return ok({
    ...built.value,
    type: args.type as Proxy['type'],
    node: node.value,
    proxyConfig,
    instanceIps,
    family,
    xdsSocket,
  });
}
