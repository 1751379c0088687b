export * from './ca-client.ts';
export * from './sds-server.ts';
export * from './secrets.ts';
export * from './workload-certificate.ts';
