export type { NatsBusOptions } from './connection.ts';
export { logSubject, reportSubject, streamName } from './names.ts';
export { createNatsBus } from './nats.ts';
export { buildServerConfig, fleetUsers } from './server-config.ts';
export type { Role, WriterElection } from './writer.ts';
