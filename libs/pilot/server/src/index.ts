export * from './ads-server.ts';
