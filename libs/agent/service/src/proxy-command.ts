import type { Environment } from '@flotilla/agent-bootstrap';
import type { Logger, Metrics } from '@flotilla/observability-port';
import type { WatchdogThresholds } from './agent-settings.ts';
import { runAgent } from './agent.ts';
import { podInterfaces, readOptional, resolveHost } from './pod-info.ts';
import { prepareProxy } from './proxy-start.ts';

export interface ProxyCommandOptions {
  readonly args: readonly string[];
  readonly env: Environment;
  /** Makes the logger once its levels are known. */
  createLog(levels: string): Logger;
  /** Starts the watchdog of the event loop. */
  watch(log: Logger, thresholds: WatchdogThresholds): void;
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
  const prepared = await prepareProxy({
    args: options.args,
    env: options.env,
    interfaces: podInterfaces(),
    read: readOptional,
    resolve: resolveHost,
  });
  if (!prepared.ok) {
    process.stderr.write(`Error: ${prepared.error}\n`);
    return 255;
  }
  const { proxy, settings, logLevels } = prepared.value;
  const log = options.createLog(logLevels);
  options.watch(log, settings.watchdog);
  log.info('Proxy role', {
    id: proxy.node.id,
    discoveryAddress: proxy.proxyConfig.discoveryAddress,
    ca: settings.caAddress ?? proxy.proxyConfig.discoveryAddress,
  });
  return runAgent({ ...options, ...prepared.value, log });
}
