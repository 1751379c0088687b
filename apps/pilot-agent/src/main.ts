import {
  cleanIptablesCommand,
  iptablesCommand,
  proxyCommand,
  requestCommand,
  waitCommand,
} from '@flotilla/agent-service';
import { createLogger, createMetrics, parseLogLevels } from '@flotilla/observability';
import { explain, startWatchdog } from '@flotilla/runtime';
import { usage } from './usage.ts';

const [command, ...args] = process.argv.slice(2);
const { env } = process;
const print = (text: string): void => void process.stdout.write(text);
const warn = (text: string): void => void process.stderr.write(text);

/** The first SIGTERM or SIGINT lets the proxy drain, the second ends it at once. */
function signals(): { readonly stop: AbortSignal; readonly now: AbortSignal } {
  const [stop, now] = [new AbortController(), new AbortController()];
  const onSignal = (): void => (stop.signal.aborted ? now : stop).abort();
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
  return { stop: stop.signal, now: now.signal };
}

async function main(): Promise<number> {
  // Istio's paths are relative to the container's root.
  if (env['PILOT_AGENT_ROOT']) process.chdir(env['PILOT_AGENT_ROOT']);
  if (args.includes('--help') || args.includes('-h')) {
    print(usage(command));
    return 0;
  }
  switch (command) {
    case 'proxy': {
      const metrics = createMetrics();
      return proxyCommand({
        args,
        env,
        createLog: (levels) => createLogger('pilot-agent', { levels: parseLogLevels(levels), metrics }),
        watch: (log, thresholds) =>
          void startWatchdog({ service: 'pilot-agent', format: 'json', log, metrics, ...thresholds }),
        metrics,
        metricsText: () => metrics.text(),
        ...signals(),
      });
    }
    case 'istio-iptables':
      return iptablesCommand({ args, env, print, warn });
    case 'istio-clean-iptables':
      return cleanIptablesCommand({ args, env, print, warn });
    case 'wait':
      return waitCommand(args);
    case 'request':
      return requestCommand(args, print);
    case '--help':
    case '-h':
    case 'help':
    case undefined:
      print(usage());
      return command === undefined ? 255 : 0;
    default:
      process.stderr.write(`Error: unknown command "${command}" for "pilot-agent"\n${usage()}`);
      return 255;
  }
}

try {
  process.exitCode = await main();
} catch (thrown) {
  process.stderr.write(`Error: ${explain(thrown)}\n`);
  process.exitCode = 1;
}
process.exit();
