export { createAdsServer, type AdsServerOptions, type Clients } from './ads-server.ts';
export type { AdsLimits } from './limits.ts';
export * from './session.ts';
