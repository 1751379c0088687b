export * from './bootstrap-tokens.ts';
export * from './citadel.ts';
export * from './root-store.ts';
export * from './citadel-settings.ts';
export * from './secrets.ts';
