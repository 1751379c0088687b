export * from './ca-client.ts';
export * from './service-certificate.ts';
