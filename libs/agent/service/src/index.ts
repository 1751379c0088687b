export { activeConnections } from './envoy-process.ts';
export { flagsOf } from './flags.ts';
export { type IptablesCommandOptions, cleanIptablesCommand, iptablesCommand } from './iptables-command.ts';
export { parsePodInfo } from './pod-info.ts';
export { proxyCommand } from './proxy-command.ts';
export { prepareProxy } from './proxy-start.ts';
export { requestCommand, waitCommand } from './small-commands.ts';
