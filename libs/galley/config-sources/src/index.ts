export { openCluster, openSources, sourceSettings, type SourceOptions } from './config-sources.ts';
export { openWriterElection, type WriterElectionParts } from './writer-election.ts';
