export { createElection, type Election, type ElectionOptions } from './election.ts';
export { defaultTiming, type ElectionTiming } from './machine.ts';
export { processIdentity } from './process-identity.ts';
export { openElection, type OpenElection, type OpenElectionOptions } from './open-election.ts';
