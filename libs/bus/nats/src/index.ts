export type { NatsBusOptions } from './connection.ts';
export * from './names.ts';
export * from './nats.ts';
export * from './server-config.ts';
export type { Role } from './writer.ts';
