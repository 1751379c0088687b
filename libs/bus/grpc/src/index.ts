export { type GrpcBusClient, createGrpcBusClient } from './client.ts';
export { createGrpcBusServer } from './server.ts';
