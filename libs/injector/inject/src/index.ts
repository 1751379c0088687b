export { inject, type InjectOptions, type Injection } from './inject.ts';
export { podProblem } from './pod-shape.ts';
export { skipReason, webhookSelects } from './decide.ts';
export { applyPatch, buildPatch, type PatchOperation } from './json-patch.ts';
export { type ProxyConfigs } from './proxy-config.ts';
export { strategicMerge } from './merge.ts';
