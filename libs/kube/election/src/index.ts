export { createElection, type Election, type ElectionOptions } from './election.ts';
export { defaultTiming, type ElectionTiming } from './machine.ts';
