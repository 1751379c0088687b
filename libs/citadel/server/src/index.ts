export * from './ca-server.ts';
export * from './credential-service.ts';
