export { parseAppProbes } from './app-probes.ts';
export { parseEnvoyState, probeEnvoy, unreadiness } from './envoy-ready.ts';
export { request } from './http.ts';
export { mergeMetrics, parseAppScrape } from './prometheus.ts';
export { type StatusServerOptions, createStatusServer } from './status-server.ts';
