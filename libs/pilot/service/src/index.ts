export { createPilot } from './pilot.ts';
export { type GenerationProblem } from './problems.ts';
export { defaultAdsLimits, hardRequestLimit, pilotSettings } from './pilot-settings.ts';
export { Affected } from './affected.ts';
export { SharedLists } from './shared-lists.ts';
export type { Holder, SharedList } from './shared-list.ts';
