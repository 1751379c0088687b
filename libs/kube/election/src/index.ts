export { createElection, type Election } from './election.ts';
export { processIdentity } from './process-identity.ts';
export { openElection, type OpenElection } from './open-election.ts';
