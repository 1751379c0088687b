export * from './app-probes.ts';
export * from './envoy-ready.ts';
export * from './http.ts';
export * from './prometheus.ts';
export * from './status-server.ts';
