import { iptablesFlags } from '@flotilla/agent-iptables';
import type { FlagSpec } from '@flotilla/agent-iptables';
import { proxyFlags } from './agent-settings.ts';
import { requestFlags, waitFlags } from './small-commands.ts';

const flags: Readonly<Record<string, readonly FlagSpec[]>> = {
  proxy: proxyFlags,
  'istio-iptables': iptablesFlags,
  'istio-clean-iptables': iptablesFlags,
  wait: waitFlags,
  request: requestFlags,
};

/** The flags of a command, for its help. */
export const flagsOf = (command: string): readonly FlagSpec[] =>
  Object.hasOwn(flags, command) ? (flags[command] ?? []) : [];
