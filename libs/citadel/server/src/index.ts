export * from './ca-server.ts';
