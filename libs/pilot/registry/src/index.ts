export * from './keys.ts';
export * from './types.ts';
export * from './protocol.ts';
export * from './kubernetes-service.ts';
export * from './kubernetes-endpoints.ts';
export * from './service-entry.ts';
export * from './workload.ts';
export * from './workload-instance.ts';
