export { buildCleanCommands } from './clean.ts';
export { describeEnvironment, describeSettings } from './describe.ts';
export { parseFlags } from './flags.ts';
export { separateRanges } from './ranges.ts';
export { type Rule, commandLines, restoreText } from './rule.ts';
export { buildRules } from './rules.ts';
export { type FlagSpec, type IptablesSettings, buildSettings, iptablesFlags } from './iptables-settings.ts';
