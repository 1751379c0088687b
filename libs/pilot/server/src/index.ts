export { createAdsServer, type AdsServerOptions, type Clients } from './ads-server.ts';
export type { AdsLimits } from './limits.ts';
export type { PilotVerdict, TokenIdentities } from './tokens/token-identities.ts';
export { type Opening, PermissionDenied, type Push, type Session } from './session.ts';
