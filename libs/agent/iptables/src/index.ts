export * from './clean.ts';
export * from './describe.ts';
export * from './flags.ts';
export * from './ranges.ts';
export * from './rule.ts';
export * from './rules.ts';
export * from './iptables-settings.ts';
