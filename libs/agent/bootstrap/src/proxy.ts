import { err, ok, parsePort } from '@flotilla/std';
import type { Result } from '@flotilla/std';
import type { MeshProxyConfig } from '@flotilla/model';
import { buildBootstrap } from './bootstrap.ts';
import type { BuiltBootstrap } from './bootstrap.ts';
import { buildNode, parseGcpMetadata } from './metadata.ts';
import type { Environment, Node } from './metadata.ts';
import { resolveProxyConfig } from './proxy-config.ts';

/** Everything about the pod that decides how its proxy starts. */
export interface ProxyInput {
  readonly args: {
    readonly type: string;
    readonly domain?: string;
    readonly outlierLogPath?: string;
    readonly stsPort?: number;
  };
  readonly env: Environment;
  readonly meshFile?: string;
  readonly podLabels?: Readonly<Record<string, string>>;
  readonly podAnnotations?: Readonly<Record<string, string>>;
  /** Addresses of the pod's interfaces, without loopback and link-local ones. */
  readonly interfaceAddresses: readonly string[];
  readonly istioExtensions: boolean;
  readonly xdsSocket?: string;
  readonly sdsSocket?: string;
}
export interface Proxy extends BuiltBootstrap {
  readonly type: 'sidecar' | 'router' | 'waypoint';
  readonly node: Node;
  readonly proxyConfig: MeshProxyConfig;
  readonly instanceIps: readonly string[];
}

const types: readonly string[] = ['sidecar', 'router', 'waypoint'];
export const istioVersion = '1.19.0';
export const defaultXdsSocket = './etc/istio/proxy/XDS';
export const defaultSdsSocket = './var/run/secrets/workload-spiffe-uds/socket';

/** Name of pilot's certificate, by its address. */
const pilotSan = (discoveryAddress: string): string => {
  const host = discoveryAddress.split(':')[0] ?? '';
  return host === 'localhost' ? 'istiod.istio-system.svc' : host;
};
const portOf = (text: string | undefined, fallback: number): number => parsePort(text ?? '') ?? fallback;

/**
 * A proxy's node and bootstrap from what `pilot-agent proxy` is given. Errors are the messages the agent exits with.
 */
export function buildProxy(input: ProxyInput): Result<Proxy> {
  const { args, env } = input;
  if (!types.includes(args.type)) return err(`Invalid proxy Type: ${args.type}`);
  const resolved = resolveProxyConfig({
    annotations: input.podAnnotations ?? {},
    ...(input.meshFile ? { meshFile: input.meshFile } : {}),
    ...(env['PROXY_CONFIG'] ? { environment: env['PROXY_CONFIG'] } : {}),
    ...(env['ISTIO_CPU_LIMIT'] ? { cpuLimit: env['ISTIO_CPU_LIMIT'] } : {}),
  });
  if (!resolved.ok) return resolved;
  const proxyConfig = resolved.value;
  const own = env['INSTANCE_IP'] ? [env['INSTANCE_IP']] : [];
  const addresses = [...new Set([...own, ...input.interfaceAddresses])];
  const instanceIps = addresses.length > 0 ? addresses : ['127.0.0.1'];
  const namespace = env['POD_NAMESPACE'] ?? '';
  const domain = args.domain || (namespace ? `${namespace}.svc.cluster.local` : '');
  const ports = {
    envoyStatusPort: portOf(env['ENVOY_STATUS_PORT'], 15021),
    envoyPrometheusPort: portOf(env['ENVOY_PROMETHEUS_PORT'], 15090),
  };
  const exitOnZeroActiveConnections = env['EXIT_ON_ZERO_ACTIVE_CONNECTIONS'] === 'true';
  const shared = {
    proxyConfig,
    instanceIps,
    ...ports,
    exitOnZeroActiveConnections,
    ...(args.outlierLogPath ? { outlierLogPath: args.outlierLogPath } : {}),
    ...(args.stsPort ? { stsPort: args.stsPort } : {}),
  };
  const node = buildNode({
    ...shared,
    env,
    id: `${args.type}~${instanceIps[0]}~${env['POD_NAME'] ?? ''}.${namespace}~${domain}`,
    istioVersion,
    pilotSans: [pilotSan(proxyConfig.discoveryAddress ?? '')],
    ...(input.podLabels ? { podLabels: input.podLabels } : {}),
    ...(input.podAnnotations ? { podAnnotations: input.podAnnotations } : {}),
    ...(env['GCP_METADATA'] ? { platform: parseGcpMetadata(env['GCP_METADATA']) } : {}),
  });
  if (!node.ok) return node;
  const loadStatsConfig = env['ISTIO_META_LOAD_STATS_CONFIG_JSON'];
  const built = buildBootstrap({
    ...shared,
    node: node.value,
    deltaXds: env['ISTIO_DELTA_XDS'] === 'true',
    waypoint: args.type === 'waypoint',
    istioExtensions: input.istioExtensions,
    xdsSocket: input.xdsSocket ?? defaultXdsSocket,
    sdsSocket: input.sdsSocket ?? defaultSdsSocket,
    ...(loadStatsConfig ? { loadStatsConfig } : {}),
  });
  if (!built.ok) return err(`failed to initialize envoy agent: failed to generate bootstrap config: ${built.error}`);
  return ok({ ...built.value, type: args.type as Proxy['type'], node: node.value, proxyConfig, instanceIps });
}
