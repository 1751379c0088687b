export * from './pilot.ts';
export { pilotProblemsPage, type GenerationProblem } from './problems.ts';
export * from './protocol.ts';
export * from './pilot-settings.ts';
export { Affected } from './affected.ts';
export { SharedLists } from './shared-lists.ts';
export type { Holder, SharedList } from './shared-list.ts';
