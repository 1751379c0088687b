import { flagsOf } from '@flotilla/agent-service';

const commands: Readonly<Record<string, string>> = {
  proxy: 'proxy sidecar|router|waypoint [flags]     run Envoy with its certificate, configuration, DNS and health',
  'istio-iptables': "istio-iptables [flags]                    send the pod's traffic through its proxy",
  'istio-clean-iptables': 'istio-clean-iptables [flags]              remove those rules',
  wait: 'wait [flags]                              wait until the proxy is ready',
  request: "request METHOD PATH [BODY]                send a request to Envoy's admin interface",
};

/** Help for one command, or for all. */
export function usage(command?: string): string {
  const known = command !== undefined && Object.hasOwn(commands, command) ? command : undefined;
  if (known === undefined)
    return `pilot-agent runs beside Envoy.\n\nCommands:\n${Object.values(commands)
      .map((line) => `  ${line}\n`)
      .join('')}\nFlags of a command: pilot-agent COMMAND --help\n`;
  const flags = flagsOf(known).map(
    ({ short, name, fallback, usage: text }) =>
      `  ${short ? `-${short}, ` : '    '}--${name.padEnd(34)} ${text}${fallback ? ` (${fallback})` : ''}\n`,
  );
  return `pilot-agent ${commands[known]}\n${flags.length > 0 ? `\nFlags:\n${flags.join('')}` : ''}`;
}
