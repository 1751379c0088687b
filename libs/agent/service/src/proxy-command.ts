import { buildProxy } from '@flotilla/agent-bootstrap';
import type { Environment } from '@flotilla/agent-bootstrap';
import { parseFlags } from '@flotilla/agent-iptables';
import type { Logger, Metrics } from '@flotilla/observability-port';
import { runAgent } from './agent.ts';
import { interfaceAddresses, parsePodInfo, readOptional } from './pod-info.ts';
import { proxyFlags, readSettings } from './agent-settings.ts';

export interface ProxyCommandOptions {
  readonly args: readonly string[];
  readonly env: Environment;
  /** Makes the logger once its levels are known. */
  createLog(levels: string): Logger;
  readonly metrics: Metrics;
  metricsText(): Promise<string>;
  readonly stop: AbortSignal;
  readonly now: AbortSignal;
}

/**
 * `pilot-agent proxy sidecar|router|waypoint`. Resolves with the exit code; 255 with a message on standard error for
 * what the user must mend.
 */
export async function proxyCommand(options: ProxyCommandOptions): Promise<number> {
  const { env } = options;
  const parsed = parseFlags(proxyFlags, options.args);
  if (!parsed.ok) return refuse(parsed.error);
  const { flags, rest } = parsed.value;
  const flag = (name: string): string =>
    flags.get(name) ?? proxyFlags.find((spec) => spec.name === name)?.fallback ?? '';
  const settings = readSettings(env);
  const [labels, annotations, meshFile] = await Promise.all([
    readOptional('./etc/istio/pod/labels'),
    readOptional('./etc/istio/pod/annotations'),
    readOptional(flag('meshConfig')),
  ]);
  const stsPort = Number(flag('stsPort'));
  const proxy = buildProxy({
    args: {
      type: rest[0] ?? 'sidecar',
      domain: flag('domain'),
      outlierLogPath: flag('outlierLogPath'),
      ...(stsPort > 0 ? { stsPort } : {}),
    },
    env,
    interfaceAddresses: interfaceAddresses(),
    istioExtensions: settings.istioExtensions,
    ...(meshFile !== undefined ? { meshFile } : {}),
    ...(labels !== undefined ? { podLabels: parsePodInfo(labels) } : {}),
    ...(annotations !== undefined ? { podAnnotations: parsePodInfo(annotations) } : {}),
  });
  if (!proxy.ok) return refuse(proxy.error);
  const log = options.createLog(flag('log_output_level'));
  log.info('Proxy role', {
    id: proxy.value.node.id,
    discoveryAddress: proxy.value.proxyConfig.discoveryAddress,
    ca: settings.caAddress ?? proxy.value.proxyConfig.discoveryAddress,
  });
  return runAgent({
    ...options,
    proxy: proxy.value,
    settings,
    log,
    proxyLogLevel: flag('proxyLogLevel'),
    proxyComponentLogLevel: flag('proxyComponentLogLevel'),
    logAsJson: flag('log_as_json') === 'true',
    ...(flag('templateFile') ? { templateFile: flag('templateFile') } : {}),
  });
}

function refuse(message: string): number {
  process.stderr.write(`Error: ${message}\n`);
  return 255;
}
